#include "swage_products.h"
#include "vectorize.h"

#include <float.h>

// Reading the weights is all that these cost: the loops are there to keep memory busy. What lies this many bytes ahead
// is asked for early.
enum { ahead = 2048 };

VECTORIZED
void swage_vector_product(const float *weight, size_t outputs, size_t inputs, const float *x, float *y) {
    enum { lanes = 64 };
    for (size_t o = 0; o < outputs; o++) {
        SUM_IN_ANY_ORDER
        const float *row = weight + o * inputs;
        float sums[lanes] = {0}, sum = 0;
        size_t i = 0;
        for (; i + lanes <= inputs; i += lanes) {
            for (size_t line = 0; line < lanes * sizeof(float); line += 64)
                __builtin_prefetch((const char *)(row + i) + ahead + line);
            for (size_t lane = 0; lane < lanes; lane++) sums[lane] += row[i + lane] * x[i + lane];
        }
        for (; i < inputs; i++) sum += row[i] * x[i];
        for (size_t lane = 0; lane < lanes; lane++) sum += sums[lane];
        y[o] = sum;
    }
}

VECTORIZED
void swage_vector_product_8bit(const int8_t *weight, const float *scales, size_t outputs, size_t inputs, const float *x,
                               float *y) {
    enum { group = swage_8bit_group };
    size_t whole = inputs / group, groups = (inputs + group - 1) / group;
    for (size_t o = 0; o < outputs; o++) {
        SUM_IN_ANY_ORDER
        const int8_t *row = weight + o * groups * group;
        float total = 0, rest = 0;
        for (size_t g = 0; g < whole; g++) {
            const int8_t *q = row + g * group;
            const float *part = x + g * group;
            __builtin_prefetch(q + ahead);
            float sum = 0;
            for (size_t i = 0; i < group; i++) sum += (float)q[i] * part[i];
            total += sum * scales[o * groups + g];
        }
        for (size_t i = whole * group; i < inputs; i++) rest += (float)row[i] * x[i];
        y[o] = whole < groups ? total + rest * scales[o * groups + whole] : total;
    }
}

static inline float largest_magnitude(const float *x, size_t count) {
    float largest = 0;
    for (size_t i = 0; i < count; i++) largest = __builtin_fabsf(x[i]) > largest ? __builtin_fabsf(x[i]) : largest;
    return largest;
}

VECTORIZED
void swage_quantize_8bit(const float *weight, size_t outputs, size_t inputs, int8_t *quantized, float *scales) {
    enum { group = swage_8bit_group };
    size_t groups = (inputs + group - 1) / group;
    for (size_t o = 0; o < outputs; o++)
        for (size_t g = 0; g < groups; g++) {
            const float *source = weight + o * inputs + g * group;
            int8_t *target = quantized + (o * groups + g) * group;
            size_t count = inputs - g * group < group ? inputs - g * group : group;
            float scale = largest_magnitude(source, count) / 127.0f;
            // The inverse of a smaller one may be infinite, and no processor agrees with another on what follows.
            if (scale < FLT_MIN) scale = 0;
            float inverse = scale > 0 ? 1.0f / scale : 0;
            scales[o * groups + g] = scale;
            for (size_t i = 0; i < count; i++) target[i] = (int8_t)__builtin_rintf(source[i] * inverse);
            for (size_t i = count; i < group; i++) target[i] = 0;
        }
}

VECTORIZED
static void restore_rows(const int8_t *quantized, const float *scales, size_t rows, size_t inputs, float *restored) {
    enum { group = swage_8bit_group };
    size_t groups = (inputs + group - 1) / group;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < inputs; i++)
            restored[r * inputs + i] = (float)quantized[r * groups * group + i] * scales[r * groups + i / group];
}

void swage_weight_product_8bit(const int8_t *weight, const float *scales, size_t outputs, size_t inputs,
                               const float *packed, size_t width, size_t rows, float *y, size_t stride,
                               float *restored) {
    enum { most = swage_8bit_restored_rows, group = swage_8bit_group };
    size_t groups = (inputs + group - 1) / group;
    for (size_t begin = 0; begin < outputs; begin += most) {
        size_t count = outputs - begin < most ? outputs - begin : most;
        restore_rows(weight + begin * groups * group, scales + begin * groups, count, inputs, restored);
        swage_weight_product(restored, count, inputs, packed, width, rows, y + begin, stride);
    }
}
