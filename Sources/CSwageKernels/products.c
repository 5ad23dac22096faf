#include "swage_products.h"

#include <string.h>

// A tile of C, a few rows by one or two vectors, stays in registers while the product runs over k. The vectors are as
// wide as the processor's: each generation has tiles of its own, and all of them add in the same order.

typedef void (*tiles_function)(size_t m, size_t k, const float *a, size_t a_row, size_t a_column, const float *b,
                               size_t ldb, float *c, size_t ldc, bool accumulates, bool streams);

// A build for tests leaves some tiles unused.
#pragma clang diagnostic ignored "-Wunused-function"

#define UNROLL _Pragma("clang loop unroll(full)")

#define DEFINE_TILE(name, target, lanes, height, width)                                                          \
    target static void name(size_t k, const float *a, size_t a_row, size_t a_column, const float *b, size_t ldb, \
                            float *c, size_t ldc, bool accumulates, bool streams) {                              \
        typedef float vector __attribute__((vector_size(4 * lanes), aligned(4)));                                \
        vector sum[height][width];                                                                               \
        UNROLL for (size_t i = 0; i < height; i++) UNROLL for (size_t j = 0; j < width; j++) sum[i][j] =         \
            accumulates ? *(const vector *)(c + i * ldc + j * lanes) : (vector){0};                              \
        for (size_t p = 0; p < k; p++) {                                                                         \
            _Pragma("clang fp contract(fast)") vector row[width];                                                \
            if (streams) __builtin_prefetch(a + 2 * height * a_row + p * height, 0, 2);                          \
            UNROLL for (size_t j = 0; j < width; j++) row[j] = *(const vector *)(b + p * ldb + j * lanes);       \
            UNROLL for (size_t i = 0; i < height; i++) {                                                         \
                float factor = a[i * a_row + p * a_column];                                                      \
                UNROLL for (size_t j = 0; j < width; j++) sum[i][j] += factor * row[j];                          \
            }                                                                                                    \
        }                                                                                                        \
        UNROLL for (size_t i = 0; i < height; i++) UNROLL for (size_t j = 0; j < width; j++) *                   \
            (vector *)(c + i * ldc + j * lanes) = sum[i][j];                                                     \
    }

/// All rows of C, as many at a time as registers hold.
#define DEFINE_TILES(name, target, lanes, height, width)                                                       \
    DEFINE_TILE(name##_high, target, lanes, height, width)                                                     \
    DEFINE_TILE(name##_half, target, lanes, height / 2, width)                                                 \
    DEFINE_TILE(name##_low, target, lanes, 1, width)                                                           \
    target static void name(size_t m, size_t k, const float *a, size_t a_row, size_t a_column, const float *b, \
                            size_t ldb, float *c, size_t ldc, bool accumulates, bool streams) {                \
        size_t i = 0;                                                                                          \
        for (; i + height <= m; i += height)                                                                   \
            name##_high(k, a + i * a_row, a_row, a_column, b, ldb, c + i * ldc, ldc, accumulates, streams);    \
        for (; i + height / 2 <= m; i += height / 2)                                                           \
            name##_half(k, a + i * a_row, a_row, a_column, b, ldb, c + i * ldc, ldc, accumulates, streams);    \
        for (; i < m; i++)                                                                                     \
            name##_low(k, a + i * a_row, a_row, a_column, b, ldb, c + i * ldc, ldc, accumulates, streams);     \
    }

DEFINE_TILES(wide_of_4, , 4, 6, 2)
DEFINE_TILES(narrow_of_4, , 4, 8, 1)
#if defined(__x86_64__) && defined(__linux__)
#define V3 __attribute__((target("arch=x86-64-v3")))
#define V4 __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
DEFINE_TILES(wide_of_8, V3, 8, 6, 2)
DEFINE_TILES(narrow_of_8, V3, 8, 8, 1)
DEFINE_TILES(wide_of_16, V4, 16, 6, 2)
DEFINE_TILES(narrow_of_16, V4, 16, 8, 1)
#endif

typedef struct {
    size_t lanes;
    tiles_function wide, narrow;
} generation;

/// From the widest vectors on.
static const generation generations[] = {
#if defined(__x86_64__) && defined(__linux__)
    {16, wide_of_16, narrow_of_16},
    {8, wide_of_8, narrow_of_8},
#endif
    {4, wide_of_4, narrow_of_4},
    {0},
};

/// The widest that the processor has; those that follow it are for what is left over.
static const generation *this_generation(void) {
#if !defined(__x86_64__) || !defined(__linux__)
    return generations;
#elif defined(SWAGE_INSTRUCTIONS_baseline)
    return &generations[2];
#elif defined(SWAGE_INSTRUCTIONS_v3)
    return &generations[1];
#else
    return &generations[__builtin_cpu_supports("x86-64-v4") ? 0 : __builtin_cpu_supports("x86-64-v3") ? 1 : 2];
#endif
}

/// `streams` says that A comes from memory, is contiguous, and that more of it follows: what is read two tiles from now
/// is asked for, in the second-level cache, since the first would have lost it by then.
static void multiply(size_t m, size_t n, size_t k, const float *a, size_t a_row, size_t a_column, const float *b,
                     size_t ldb, float *c, size_t ldc, bool accumulates, bool streams) {
    size_t j = 0;
    for (const generation *tiles = this_generation(); tiles->lanes > 0; tiles++) {
        for (; j + 2 * tiles->lanes <= n; j += 2 * tiles->lanes)
            tiles->wide(m, k, a, a_row, a_column, b + j, ldb, c + j, ldc, accumulates, streams);
        for (; j + tiles->lanes <= n; j += tiles->lanes)
            tiles->narrow(m, k, a, a_row, a_column, b + j, ldb, c + j, ldc, accumulates, streams);
    }
    for (size_t i = 0; i < m && j < n; i++) {
        float *row = c + i * ldc;
        if (!accumulates) memset(row + j, 0, (n - j) * sizeof(float));
        for (size_t p = 0; p < k; p++) {
            float factor = a[i * a_row + p * a_column];
            for (size_t rest = j; rest < n; rest++) row[rest] += factor * b[p * ldb + rest];
        }
    }
}

size_t swage_product_lanes(void) { return this_generation()->lanes; }

void swage_block_product(size_t m, size_t n, size_t k, const float *a, size_t a_row, size_t a_column, const float *b,
                         size_t ldb, float *c, size_t ldc, bool accumulates) {
    multiply(m, n, k, a, a_row, a_column, b, ldb, c, ldc, accumulates, false);
}

void swage_panel_product(size_t m, size_t panels, size_t k, const float *a, size_t a_row, const float *packed, float *c,
                         size_t ldc) {
    enum { width = swage_panel_columns };
    for (size_t panel = 0; panel < panels; panel++)
        swage_block_product(m, width, k, a, a_row, 1, packed + panel * k * width, width, c + panel * width, ldc, false);
}

void swage_pack_panels(const float *x, size_t stride, size_t rows, size_t columns, size_t width, float *packed) {
    for (size_t begin = 0; begin < rows; begin += width, packed += columns * width) {
        size_t count = rows - begin < width ? rows - begin : width;
        for (size_t column = 0; column < columns; column++) {
            float *out = packed + column * width;
            for (size_t row = 0; row < count; row++) out[row] = x[(begin + row) * stride + column];
            memset(out + count, 0, (width - count) * sizeof(float));
        }
    }
}

void swage_weight_product(const float *weight, size_t outputs, size_t inputs, const float *packed, size_t width,
                          size_t rows, float *y, size_t stride) {
    enum { most = 24 };
    float block[most * swage_panel_columns];
    for (size_t begin = 0; begin < outputs; begin += most) {
        size_t count = outputs - begin < most ? outputs - begin : most;
        for (size_t first = 0; first < rows; first += width) {
            size_t own = rows - first < width ? rows - first : width;
            size_t columns = (own + swage_panel_unit - 1) / swage_panel_unit * swage_panel_unit;
            multiply(count, columns, inputs, weight + begin * inputs, inputs, 1, packed + first * inputs, width, block,
                     width, false, first == 0);
            for (size_t row = 0; row < own; row++)
                for (size_t i = 0; i < count; i++) y[(first + row) * stride + begin + i] = block[i * width + row];
        }
    }
}
