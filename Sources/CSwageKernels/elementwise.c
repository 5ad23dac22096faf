#include "swage_kernels.h"
#include "vectorize.h"

VECTORIZED
void swage_rope(float *x, const float *cosines, const float *sines, const int32_t *positions, size_t rows, size_t heads,
                size_t head_size, size_t stride, float direction) {
    size_t half = head_size / 2;
    for (size_t r = 0; r < rows; r++) {
        const float *c = cosines + (size_t)positions[r] * half, *s = sines + (size_t)positions[r] * half;
        for (size_t h = 0; h < heads; h++) {
            float *low = x + r * stride + h * head_size, *high = low + half;
            for (size_t i = 0; i < half; i++) {
                float a = low[i], b = high[i], sine = s[i] * direction;
                low[i] = a * c[i] - b * sine;
                high[i] = b * c[i] + a * sine;
            }
        }
    }
}

VECTORIZED
void swage_swiglu_forward(const float *gate_up, float *y, size_t rows, size_t width) {
    for (size_t r = 0; r < rows; r++) {
        const float *gate = gate_up + r * 2 * width, *up = gate + width;
        float *out = y + r * width;
        for (size_t i = 0; i < width; i++) out[i] = gate[i] / (1.0f + exp_inline(-gate[i])) * up[i];
    }
}

VECTORIZED
void swage_swiglu_backward(const float *dy, const float *gate_up, float *dgate_up, float *y, size_t rows,
                           size_t width) {
    for (size_t r = 0; r < rows; r++) {
        const float *g = dy + r * width, *gate = gate_up + r * 2 * width, *up = gate + width;
        float *dgate = dgate_up + r * 2 * width, *dup = dgate + width, *out = y + r * width;
        for (size_t i = 0; i < width; i++) {
            float sigmoid = 1.0f / (1.0f + exp_inline(-gate[i])), silu = gate[i] * sigmoid;
            out[i] = silu * up[i];
            dup[i] = g[i] * silu;
            dgate[i] = g[i] * up[i] * (sigmoid + silu * (1.0f - sigmoid));
        }
    }
}

VECTORIZED
void swage_add(float *y, const float *x, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] += x[i];
}

VECTORIZED
void swage_add_bias(float *y, const float *bias, size_t rows, size_t channels) {
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < channels; c++) y[r * channels + c] += bias[c];
}

VECTORIZED
void swage_bias_backward(const float *dy, float *dbias, size_t rows, size_t channels, size_t stride) {
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < channels; c++) dbias[c] += dy[r * stride + c];
}

VECTORIZED
void swage_row_dots(const float *x, const float *y, float *out, size_t rows, size_t channels, size_t stride,
                    size_t out_stride) {
    for (size_t r = 0; r < rows; r++) {
        SUM_IN_ANY_ORDER
        const float *a = x + r * stride, *b = y + r * stride;
        float sum = 0;
        for (size_t c = 0; c < channels; c++) sum += a[c] * b[c];
        out[r * out_stride] = sum;
    }
}

VECTORIZED
void swage_sum_groups(const float *x, size_t x_stride, float *y, size_t y_stride, size_t rows, size_t groups,
                      size_t members, size_t width) {
    for (size_t r = 0; r < rows; r++)
        for (size_t g = 0; g < groups; g++) {
            const float *member = x + r * x_stride + g * members * width;
            float *out = y + r * y_stride + g * width;
            for (size_t i = 0; i < width; i++) {
                float sum = member[i];
                for (size_t m = 1; m < members; m++) sum += member[m * width + i];
                out[i] = sum;
            }
        }
}
