// What it costs two or more threads to wait for each other, measured where and when it matters.
#pragma once

namespace glasscell {

// Nanoseconds of one meeting of n threads (a phase of Lockstep), measured at most every 50 ms. From
// 100 between neighbouring cores to 500 between distant ones, and thousands where another program
// has the core: virtual machines change from one to the other without notice.
double meeting_ns(int n);

}  // namespace glasscell
