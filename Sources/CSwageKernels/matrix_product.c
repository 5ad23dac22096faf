#include "swage_matrix_product.h"

#include <string.h>

#include "swage_products.h"

// The loops around the tiles (Goto and van de Geijn, 2008): a block of B is packed once for all rows of A, a block of A
// once for all of that block's panels, so that tiles read both in order and from near caches.

/// Rows of A that a tile handles at once; swage_block_product's widest.
enum { tile = 6 };
/// How far one packed block runs along k; how many columns of B it holds, and how many rows of A.
enum { depth = 256, width = 1024, height = 16 * tile };

size_t swage_matrix_product_scratch(void) { return depth * (width + height); }

static size_t at_most(size_t most, size_t count) { return count < most ? count : most; }

/// The transpose of x[rows, k], a few columns at a time, so that what is written is written whole while it is near.
static void pack(const float *x, size_t ldx, size_t rows, size_t k, size_t stride, float *packed) {
    enum { few = 16 };
    for (size_t begin = 0; begin < k; begin += few)
        for (size_t row = 0, end = begin + at_most(few, k - begin); row < rows; row++)
            for (size_t p = begin; p < end; p++) packed[p * stride + row] = x[row * ldx + p];
}

/// Panels [panels, k, columns of a panel]; of the last, what is there.
static void pack_columns(bool transposed, const float *b, size_t ldb, size_t k, size_t n, size_t panel, float *packed) {
    for (size_t j = 0; j < n; j += panel, packed += k * panel) {
        size_t columns = at_most(panel, n - j);
        if (transposed)
            pack(b + j * ldb, ldb, columns, k, panel, packed);
        else
            for (size_t p = 0; p < k; p++) memcpy(packed + p * panel, b + p * ldb + j, columns * sizeof(float));
    }
}

/// Tiles [tiles, k, rows of a tile]; of the last, what is there.
static void pack_rows(bool transposed, const float *a, size_t lda, size_t m, size_t k, float *packed) {
    for (size_t i = 0; i < m; i += tile, packed += k * tile) {
        size_t rows = at_most(tile, m - i);
        if (!transposed)
            pack(a + i * lda, lda, rows, k, tile, packed);
        else
            for (size_t p = 0; p < k; p++) memcpy(packed + p * tile, a + p * lda + i, rows * sizeof(float));
    }
}

void swage_matrix_product(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda,
                          const float *b, size_t ldb, bool accumulates, float *c, size_t ldc, float *scratch) {
    const size_t panel = 2 * swage_product_lanes();
    float *columns = scratch, *rows = scratch + depth * width;
    for (size_t j = 0; j < n; j += width) {
        size_t wide = at_most(width, n - j);
        for (size_t p = 0; p < k; p += depth) {
            size_t deep = at_most(depth, k - p);
            pack_columns(transpose_b, transpose_b ? b + j * ldb + p : b + p * ldb + j, ldb, deep, wide, panel, columns);
            for (size_t i = 0; i < m; i += height) {
                size_t high = at_most(height, m - i);
                pack_rows(transpose_a, transpose_a ? a + p * lda + i : a + i * lda + p, lda, high, deep, rows);
                for (size_t x = 0; x < wide; x += panel)
                    for (size_t y = 0; y < high; y += tile)
                        swage_block_product(at_most(tile, high - y), at_most(panel, wide - x), deep, rows + y * deep, 1,
                                            tile, columns + x * deep, panel, c + (i + y) * ldc + j + x, ldc,
                                            accumulates || p > 0);
            }
        }
    }
}
