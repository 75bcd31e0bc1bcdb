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

bool is_pair_part(Op op) { return op == Op::kAdd || op == Op::kSub || op == Op::kMul; }

// Makes i, which reads the result of first as operand j, compute that result too.
void absorb(Program::Instruction& i, int j, const Program::Instruction& first) {
  const int other = 1 - j;
  const int second = i.op == Op::kAdd ? 0 : i.op == Op::kMul ? 2 : j == 0 ? 1 : 3;
  const int start = first.op == Op::kAdd ? 0 : first.op == Op::kSub ? 4 : 8;
  i.op = static_cast<Op>(static_cast<int>(Op::kAddAdd) + start + second);
  i.operands = 3;
  i.uniforms = static_cast<uint8_t>((first.uniforms & 3) | ((i.uniforms >> other & 1) << 2));
  i.operand[2] = i.operand[other];
  i.operand[0] = first.operand[0];
  i.operand[1] = first.operand[1];
}

// Joins an operation with the only reader of its result, so that the result needs no memory.
// fixed: outputs and kept values, which have readers elsewhere.
void join(Program::Code& code, ptrdiff_t values, const std::vector<int>& fixed) {
  Program::Instruction* const all = code.instructions.item;
  const ptrdiff_t count = code.instructions.size;
  std::vector<int> readers(at(values), 0);
  std::vector<ptrdiff_t> made(at(values), -1);
  for (const int v : fixed) readers[at(std::max(v, 0))] += 2;
  for (ptrdiff_t t = 0; t < count; ++t) {
    for (int j = 0; j < all[t].operands; ++j) ++readers[at(all[t].operand[j])];
    made[at(all[t].result)] = t;
  }
  std::vector<bool> gone(at(count), false);
  const auto joins = [&](int16_t v) {
    const ptrdiff_t t = made[at(v)];
    return t >= 0 && readers[at(v)] == 1 && is_pair_part(all[t].op) && !all[t].uniform;
  };
  for (ptrdiff_t t = 0; t < count; ++t) {
    Program::Instruction& i = all[t];
    if (i.op == Op::kMean && 2 * i.operands <= kMaxOperands) {
      bool products = true;
      for (int j = 0; j < i.operands; ++j) {
        products = products && joins(i.operand[j]) && all[made[at(i.operand[j])]].op == Op::kMul;
      }
      if (!products) continue;
      const Program::Instruction mean = i;
      i.op = Op::kMeanOfProducts;
      i.operands = static_cast<uint8_t>(2 * mean.operands);
      i.uniforms = 0;
      for (int j = 0; j < mean.operands; ++j) {
        const ptrdiff_t from = made[at(mean.operand[j])];
        gone[at(from)] = true;
        i.operand[2 * j] = all[from].operand[0];
        i.operand[2 * j + 1] = all[from].operand[1];
        i.uniforms = static_cast<uint8_t>(i.uniforms | (all[from].uniforms & 3) << (2 * j));
      }
    } else if (is_pair_part(i.op)) {
      for (int j = 1; j >= 0; --j) {
        if (!joins(i.operand[j])) continue;
        const ptrdiff_t from = made[at(i.operand[j])];
        gone[at(from)] = true;
        absorb(i, j, all[from]);
        break;
      }
    }
  }
  code.instructions.size = 0;
  for (ptrdiff_t t = 0; t < count; ++t) {
    if (!gone[at(t)]) all[code.instructions.size++] = all[t];
  }
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
  ptrdiff_t values = inputs + count;

  for (int& v : output) {
    if (v < 0 || v >= inputs) continue;
    append(code_.instructions,
           {Op::kCopy, 1, false, 0, static_cast<int16_t>(values), {static_cast<int16_t>(v)}});
    v = static_cast<int>(values++);
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
  std::vector<int> fixed = output;
  fixed.insert(fixed.end(), tape.begin(), tape.end());
  join(code_, values, fixed);
  give_slots(code_, values, output);

  std::vector<int16_t> slot_of(at(values), 0);
  for (const Place& p : code_.slot) slot_of[at(p.value)] = p.index;
  // Where in the list each value is made; placed: it has a home outside of scratch.
  std::vector<ptrdiff_t> made(at(values), -1);
  std::vector<bool> placed(at(values), false);
  ptrdiff_t last_input_read = -1;
  for (ptrdiff_t t = 0; t < code_.instructions.size; ++t) {
    const Instruction& i = code_.instructions.item[t];
    made[at(i.result)] = t;
    for (int j = 0; j < i.operands; ++j) {
      if (i.operand[j] < inputs) last_input_read = t;
    }
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
