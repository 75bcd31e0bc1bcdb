#include "program.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace glasscell {
namespace {

struct Arity {
  int least, most;
};
Arity arity(Op op) {
  switch (op) {
    case Op::kConstant:
      return {0, 0};
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
    case Op::kDiv:
    case Op::kMax:
    case Op::kMin:
    case Op::kWherePositive:
      return {2, 2};
    case Op::kMean:
      return {1, kMaxOperands};
    default:
      return {1, 1};
  }
}

void require(bool ok, const std::string& message) {
  if (!ok) throw std::invalid_argument("Program: " + message);
}

// As an index of a vector.
std::size_t at(ptrdiff_t k) { return static_cast<std::size_t>(k); }

template <class Item>
void append(Program::List<Item>& list, const Item& item) {
  list.item[list.size++] = item;
}

void check(ptrdiff_t inputs, const Operation* operations, ptrdiff_t count, const int32_t* outputs,
           ptrdiff_t output_count, const int32_t* kept, ptrdiff_t kept_count) {
  const std::string most = std::to_string(kMaxValues);
  // Each output may take a copy.
  require(inputs >= 1 && output_count >= 1 && count >= 0 && kept_count >= 0 &&
              inputs <= kMaxValues && count <= kMaxValues && output_count <= kMaxValues &&
              kept_count <= kMaxValues && inputs + count + output_count <= kMaxValues,
          "expected at least one input and one output, and at most " + most +
              " inputs, operations and outputs together, and kept values, got " +
              std::to_string(inputs) + " inputs, " + std::to_string(count) + " operations, " +
              std::to_string(output_count) + " outputs, " + std::to_string(kept_count) + " kept.");
  for (ptrdiff_t k = 0; k < count; ++k) {
    const Operation& o = operations[k];
    const std::string name = "operation " + std::to_string(k) + ": ";
    require(o.op < Op::kCopy, name + "unknown code " + std::to_string(static_cast<int>(o.op)) +
                                  ", expected 0 to " +
                                  std::to_string(static_cast<int>(Op::kCopy) - 1) + ".");
    const Arity n = arity(o.op);
    require(o.operands >= n.least && o.operands <= n.most,
            name + "expected " + std::to_string(n.least) +
                (n.most > n.least ? " to " + std::to_string(n.most) : "") + " operands, got " +
                std::to_string(o.operands) + ".");
    for (int j = 0; j < o.operands; ++j) {
      require(o.operand[j] >= 0 && o.operand[j] < inputs + k,
              name + "operand " + std::to_string(j) + " is value " + std::to_string(o.operand[j]) +
                  ", expected one that exists by then: 0 to " + std::to_string(inputs + k - 1) +
                  ".");
    }
  }
  const std::string last = std::to_string(inputs + count - 1);
  for (ptrdiff_t k = 0; k < output_count; ++k) {
    require(outputs[k] >= -1 && outputs[k] < inputs + count,
            "output " + std::to_string(k) + " is value " + std::to_string(outputs[k]) +
                ", expected 0 to " + last + ", or -1 for zeros.");
  }
  for (ptrdiff_t k = 0; k < kept_count; ++k) {
    require(kept[k] >= 0 && kept[k] < inputs + count, "kept value " + std::to_string(k) +
                                                          " is value " + std::to_string(kept[k]) +
                                                          ", expected 0 to " + last + ".");
  }
}

// The values that an output or a kept value needs.
std::vector<bool> needed_values(ptrdiff_t inputs, const Operation* operations, ptrdiff_t count,
                                const std::vector<int>& outputs, const std::vector<int>& kept) {
  std::vector<bool> needed(at(inputs + count), false);
  for (const int v : outputs) {
    if (v >= 0) needed[at(v)] = true;
  }
  for (const int v : kept) needed[at(v)] = true;
  for (ptrdiff_t k = count; k-- > 0;) {
    const Operation& o = operations[k];
    for (int j = 0; needed[at(inputs + k)] && j < o.operands; ++j) needed[at(o.operand[j])] = true;
  }
  return needed;
}

// Gives every value that varies over the units a slot, which it shares with values that have had
// their last use by then: operations go unit by unit, so the last use itself may write there.
void give_slots(Program::Code& code, ptrdiff_t values, const std::vector<int>& outputs) {
  std::vector<ptrdiff_t> last_use(at(values), -1), slot_of(at(values), -1), free;
  for (ptrdiff_t t = 0; t < code.instructions.size; ++t) {
    const Program::Instruction& i = code.instructions.item[t];
    for (int j = 0; j < i.operands; ++j) last_use[at(i.operand[j])] = t;
  }
  for (const int v : outputs) {
    if (v >= 0) last_use[at(v)] = code.instructions.size;
  }
  for (ptrdiff_t t = 0; t < code.instructions.size; ++t) {
    const Program::Instruction& i = code.instructions.item[t];
    for (int j = 0; j < i.operands; ++j) {
      ptrdiff_t& slot = slot_of[at(i.operand[j])];
      if (slot >= 0 && last_use[at(i.operand[j])] == t) {
        free.push_back(slot);
        slot = -1;
      }
    }
    if (i.uniform) continue;
    ptrdiff_t slot = code.slots;
    if (free.empty()) {
      ++code.slots;
    } else {
      slot = free.back();
      free.pop_back();
    }
    append(code.slot, {i.result, static_cast<int16_t>(slot), 0, false});
    if (last_use[at(i.result)] < 0) {
      free.push_back(slot);  // kept only
    } else {
      slot_of[at(i.result)] = slot;
    }
  }
}

}  // namespace

Program::Program(ptrdiff_t inputs, const Operation* operations, ptrdiff_t count,
                 const int32_t* outputs, ptrdiff_t output_count, const int32_t* kept,
                 ptrdiff_t kept_count)
    : inputs_(inputs), outputs_(output_count), kept_(kept_count) {
  check(inputs, operations, count, outputs, output_count, kept, kept_count);
  std::vector<int> output(outputs, outputs + output_count), tape(kept, kept + kept_count);
  const std::vector<bool> needed = needed_values(inputs, operations, count, output, tape);
  std::vector<bool> uniform(at(inputs + count + output_count), false);
  ptrdiff_t values = inputs + count, last_input_read = -1;

  for (int& v : output) {
    if (v < 0 || v >= inputs) continue;
    append(code_.instructions,
           {Op::kCopy, 1, false, 0, static_cast<int16_t>(values), {static_cast<int16_t>(v)}});
    v = static_cast<int>(values++);
    last_input_read = code_.instructions.size - 1;
  }
  for (ptrdiff_t k = 0; k < count; ++k) {
    const Operation& o = operations[k];
    const auto result = static_cast<int16_t>(inputs + k);
    if (!needed[at(result)]) continue;
    Instruction i{o.op, static_cast<uint8_t>(o.operands), true, 0, result, {}};
    for (int j = 0; j < o.operands; ++j) {
      i.operand[j] = static_cast<int16_t>(o.operand[j]);
      const bool same = uniform[at(o.operand[j])];
      i.uniforms = static_cast<uint8_t>(i.uniforms | (same ? 1 << j : 0));
      i.uniform = i.uniform && same;
      if (o.operand[j] < inputs) last_input_read = code_.instructions.size;
    }
    if (o.op == Op::kMean) mean_ = i.uniform = true;
    if (i.uniform) append(code_.uniform, {result, static_cast<int16_t>(code_.uniforms++), 0, true});
    uniform[at(result)] = i.uniform;
    if (o.op == Op::kConstant) {
      append(code_.constants, {result, o.value});
    } else {
      append(code_.instructions, i);
    }
  }
  give_slots(code_, values, output);

  std::vector<int16_t> slot_of(at(values), 0);
  for (const Place& p : code_.slot) slot_of[at(p.value)] = p.index;
  // Where in the list each value is made; placed: it has a home outside of scratch.
  std::vector<ptrdiff_t> made(at(values), -1);
  std::vector<bool> placed(at(values), false);
  for (ptrdiff_t t = 0; t < code_.instructions.size; ++t) {
    made[at(code_.instructions.item[t].result)] = t;
  }
  for (ptrdiff_t k = 0; k < kept_count; ++k) {
    const int v = tape[at(k)];
    const Place place{static_cast<int16_t>(v), static_cast<int16_t>(k), 0, uniform[at(v)]};
    if (v < inputs) {
      append(code_.tape_first, place);
    } else if (uniform[at(v)] || placed[at(v)]) {
      append(code_.tape_last, place);
    } else {
      append(code_.tape_direct, place);
      placed[at(v)] = true;
    }
  }
  for (ptrdiff_t k = 0; k < output_count; ++k) {
    const int v = output[at(k)];
    const int16_t slot = v < 0 ? int16_t{0} : slot_of[at(v)];
    const Place place{static_cast<int16_t>(v), static_cast<int16_t>(k), slot,
                      v >= 0 && uniform[at(v)]};
    if (v < 0 || uniform[at(v)] || placed[at(v)] || made[at(v)] < last_input_read) {
      append(code_.output_last, place);
    } else {
      append(code_.output_direct, place);
      placed[at(v)] = true;
    }
  }
}

void* program_scratch(ptrdiff_t bytes) {
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  thread_local std::unique_ptr<void, Free> memory;
  thread_local ptrdiff_t size = 0;
  if (bytes > size) {
    const ptrdiff_t wanted = (bytes + 4095) / 4096 * 4096;
    memory.reset(std::aligned_alloc(4096, static_cast<std::size_t>(wanted)));
    size = memory ? wanted : 0;
    if (!memory) throw std::bad_alloc();
  }
  return memory.get();
}

}  // namespace glasscell
