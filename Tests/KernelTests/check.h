#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What the tests of the kernels share: cases that have a name, arrays between guards, and comparisons that print what
// differs.

/// Sizes around those of vectors, unrolled loops, panels and groups.
extern const size_t sizes[];
extern const size_t size_count;

/// Whether random numbers are 0, all of them, in the case that is under way.
extern bool only_zeros;

/// Begins a case, one kernel on inputs of one shape, and ends the one before. Its random numbers are its own: they stay
/// when other cases come and go.
void begin_case(const char *kernel, const char *shape, ...) __attribute__((format(printf, 2, 3)));

/// Ends the last case and prints how many there were. Returns how many failed.
size_t finish_cases(void);

// Arrays live as long as their case. They lie between guards, which are NaN to whoever reads beyond an end; a case in
// which one was written to has failed. No array is aligned better than a float has to be.

void *bytes(size_t count);
/// NaN, for what a kernel has to write.
float *unwritten(size_t count);
/// In -2...2, some of them 0.
float *random_floats(size_t count);
float *copied(const float *x, size_t count);
int32_t *integers(size_t count);
/// For a twin, and without guards.
double *doubles(const float *x, size_t count);
double *zeros(size_t count);

/// At least `low`, below `end`.
size_t random_size(size_t low, size_t end);
uint64_t random_bits(void);

/// Differences of at most `bound` times `magnitude[i]`, or times the largest number expected if `magnitude` is NULL.
/// NaN equals NaN: where a kernel shall not write, it is expected.
void expect_close(const char *what, const float *found, const double *expected, const double *magnitude, size_t count,
                  double bound);

void expect(bool holds, const char *what, ...) __attribute__((format(printf, 2, 3)));

#endif
