#include "plain_product.h"

#include <math.h>

void plain_product(size_t m, size_t n, size_t k, matrix a, matrix b, double beta, double *c, double *magnitude,
                   size_t ldc) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            // Where beta is 0, C may hold anything.
            double sum = beta == 0 ? 0 : beta * c[i * ldc + j], size = fabs(sum);
            for (size_t p = 0; p < k; p++) {
                double term = (double)a.numbers[i * a.row + p * a.column] * b.numbers[p * b.row + j * b.column];
                sum += term, size += fabs(term);
            }
            c[i * ldc + j] = sum, magnitude[i * ldc + j] = size;
        }
}
