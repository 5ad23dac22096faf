#ifndef SWAGE_PRODUCTS_H
#define SWAGE_PRODUCTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Products of blocks that lie in the processor's cache, where a library's own copies and checks would cost as much as
// the product. They run on the calling thread.

/// The most columns of a panel, and what a narrower one's are a multiple of.
enum { swage_panel_columns = 32, swage_panel_unit = 8 };

/// C[m, n] = A[m, k] * B[k, n], added to what C holds if `accumulates`. Element (i, p) of A is
/// a[i * a_row + p * a_column]; rows of B and C are ldb and ldc apart.
void swage_block_product(size_t m, size_t n, size_t k, const float *a, size_t a_row, size_t a_column, const float *b,
                         size_t ldb, float *c, size_t ldc, bool accumulates);

/// C[m, panels * 32] = A[m, k] * B, where B lies in panels as swage_pack_panels writes them.
void swage_panel_product(size_t m, size_t panels, size_t k, const float *a, size_t a_row, const float *packed, float *c,
                         size_t ldc);

/// Writes the transpose of x[rows, columns], rows `stride` apart, as panels [ceil(rows / width), columns, width]; what
/// is left of the last panel is 0. A part of a single panel's columns can be written alone.
void swage_pack_panels(const float *x, size_t stride, size_t rows, size_t columns, size_t width, float *packed);

/// y[rows, outputs] = x * weight[outputs, inputs]^T for a few rows of x, packed in panels of `width` columns, a
/// multiple of 8. Every weight is read once from memory. Rows of y are `stride` apart.
void swage_weight_product(const float *weight, size_t outputs, size_t inputs, const float *packed, size_t width,
                          size_t rows, float *y, size_t stride);

/// How many numbers a vector of these products holds on this machine.
size_t swage_product_lanes(void);

/// y[outputs] = weight[outputs, inputs] * x[inputs].
void swage_vector_product(const float *weight, size_t outputs, size_t inputs, const float *x, float *y);

/// The weights that share a scale.
enum { swage_8bit_group = 64 };

/// The same with weights of 8 bits: each is weight[o, i] * scales[o, i / 64]. Rows of weights are filled up with 0 to
/// whole groups.
void swage_vector_product_8bit(const int8_t *weight, const float *scales, size_t outputs, size_t inputs, const float *x,
                               float *y);

/// How many rows of weights are brought back to float32 at once.
enum { swage_8bit_restored_rows = 24 };

/// swage_weight_product with weights of 8 bits, which need restored[24, inputs] of their own.
void swage_weight_product_8bit(const int8_t *weight, const float *scales, size_t outputs, size_t inputs,
                               const float *packed, size_t width, size_t rows, float *y, size_t stride,
                               float *restored);

/// Rounds weight[outputs, inputs] to 8 bits: in each group the largest becomes 127. A group of numbers below 1.5e-36
/// becomes 0.
void swage_quantize_8bit(const float *weight, size_t outputs, size_t inputs, int8_t *quantized, float *scales);

#endif
