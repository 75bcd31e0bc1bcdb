// What each file of this folder adds to the module; float and double under their own names.
#pragma once
#include <nanobind/nanobind.h>

namespace glasscell {

namespace nb = nanobind;

// Before the layers, which may hold a program.
void bind_program(nb::module_& m);
template <class T>
void bind_layer(nb::module_& m, const char* name);
void bind_cell(nb::module_& m);
void bind_memory_blocks(nb::module_& m);
// The structs of `bind_addresses`, which adds to a class that `bind_layer` has made.
void bind_address_structs(nb::module_& m);
template <class T>
void bind_addresses(nb::module_& m, const char* name);
template <class T>
void bind_linear(nb::module_& m, const char* name);
template <class T>
void bind_stepper(nb::module_& m, const char* name);
template <class T>
void bind_stream_pool(nb::module_& m, const char* name);

}  // namespace glasscell
