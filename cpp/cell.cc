#include "cell.h"

#include <algorithm>

namespace glasscell {
namespace {

std::vector<Sum> sums_of_both(ptrdiff_t gates) {
  std::vector<Sum> sums;
  for (ptrdiff_t gate = 0; gate < gates; ++gate) sums.push_back({gate, Reads::kBoth});
  return sums;
}

}  // namespace

Cell::Cell(Mode mode_) : mode(mode_) {
  switch (mode) {
    case Mode::kLstm:  // i f g o; kept: i f g o c
      gates = 4;
      states = 1;
      kept = 5;
      state_slots = {4};
      sums = sums_of_both(gates);
      break;
    case Mode::kGru:  // r z n, and the two parts of n's sum; kept: r z n, and R_n h + b_hn
      gates = 3;
      kept = 4;
      sums = {{2, Reads::kX}, {0, Reads::kBoth}, {1, Reads::kBoth}, {2, Reads::kH}};
      break;
    default:
      gates = 1;
      sums = sums_of_both(gates);
  }
  initial.assign(static_cast<std::size_t>(1 + states), 0.0);
}

ptrdiff_t Cell::count(Reads reads) const {
  return std::count_if(sums.begin(), sums.end(),
                       [reads](const Sum& sum) { return sum.reads == reads; });
}

}  // namespace glasscell
