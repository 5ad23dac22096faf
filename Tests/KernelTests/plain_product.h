#ifndef PLAIN_PRODUCT_H
#define PLAIN_PRODUCT_H

#include <stddef.h>

/// A matrix whose element (i, j) is numbers[i * row + j * column].
typedef struct {
    const float *numbers;
    size_t row, column;
} matrix;

/// C[m, n] = A[m, k] * B[k, n] + beta * C, rows of C ldc apart; magnitude receives the sums of the terms' sizes.
void plain_product(size_t m, size_t n, size_t k, matrix a, matrix b, double beta, double *c, double *magnitude,
                   size_t ldc);

#endif
