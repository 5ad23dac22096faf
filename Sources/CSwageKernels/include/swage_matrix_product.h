#ifndef SWAGE_MATRIX_PRODUCT_H
#define SWAGE_MATRIX_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

/// How many numbers of scratch swage_matrix_product needs.
size_t swage_matrix_product_scratch(void);

/// What swage_sgemm does, where no library is bound: C[m, n] = op(A)[m, k] * op(B)[k, n], added to what C holds if
/// `accumulates`, all row-major, on the calling thread. Where k is 0, C stays as it is.
void swage_matrix_product(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda,
                          const float *b, size_t ldb, bool accumulates, float *c, size_t ldc, float *scratch);

#endif
