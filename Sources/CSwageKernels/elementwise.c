#include "swage_kernels.h"
#include "vectorize.h"

VECTORIZED
void swage_rope(float *x, const float *cosines, const float *sines, const int32_t *positions, size_t rows, size_t heads,
                size_t head_size, size_t width, size_t stride, float direction) {
    size_t half = width / 2;
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
void swage_rope_neighbors(float *x, const float *cosines, const float *sines, const int32_t *positions, size_t rows,
                          size_t heads, size_t head_size, size_t width, size_t stride, float direction) {
    size_t half = width / 2;
    for (size_t r = 0; r < rows; r++) {
        const float *c = cosines + (size_t)positions[r] * half, *s = sines + (size_t)positions[r] * half;
        for (size_t h = 0; h < heads; h++) {
            float *head = x + r * stride + h * head_size;
            for (size_t i = 0; i < half; i++) {
                float a = head[2 * i], b = head[2 * i + 1], sine = s[i] * direction;
                head[2 * i] = a * c[i] - b * sine;
                head[2 * i + 1] = b * c[i] + a * sine;
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
void swage_clamped_swiglu_forward(const float *gate_up, float *y, size_t rows, size_t width, float alpha, float limit) {
    for (size_t r = 0; r < rows; r++) {
        const float *gate = gate_up + r * 2 * width, *up = gate + width;
        float *out = y + r * width;
        for (size_t i = 0; i < width; i++) {
            float g = gate[i] > limit ? limit : gate[i];
            float u = up[i] > limit ? limit : up[i] < -limit ? -limit : up[i];
            out[i] = g / (1.0f + exp_inline(-alpha * g)) * (u + 1.0f);
        }
    }
}

VECTORIZED
void swage_clamped_swiglu_backward(const float *dy, const float *gate_up, float *dgate_up, float *y, size_t rows,
                                   size_t width, float alpha, float limit) {
    for (size_t r = 0; r < rows; r++) {
        const float *d = dy + r * width, *gate = gate_up + r * 2 * width, *up = gate + width;
        float *dgate = dgate_up + r * 2 * width, *dup = dgate + width, *out = y + r * width;
        for (size_t i = 0; i < width; i++) {
            float g = gate[i] > limit ? limit : gate[i];
            float u = up[i] > limit ? limit : up[i] < -limit ? -limit : up[i];
            float sigmoid = 1.0f / (1.0f + exp_inline(-alpha * g)), glu = g * sigmoid;
            out[i] = glu * (u + 1.0f);
            dup[i] = up[i] > limit || up[i] < -limit ? 0.0f : d[i] * glu;
            dgate[i] = gate[i] > limit ? 0.0f : d[i] * (u + 1.0f) * (sigmoid + alpha * glu * (1.0f - sigmoid));
        }
    }
}

/// gelu(x) = x * sigmoid(2 u) for u = sqrt(2 / pi) (x + 0.044715 x^3), which is x (1 + tanh(u)) / 2.
static inline float gelu_sigmoid(float x) {
    return 1.0f / (1.0f + exp_inline(-1.59576912f * (x + 0.044715f * x * x * x)));
}

/// The derivative of gelu at x, given the sigmoid there.
static inline float gelu_slope(float x, float sigmoid) {
    return sigmoid + x * sigmoid * (1.0f - sigmoid) * 1.59576912f * (1.0f + 0.134145f * x * x);
}

VECTORIZED
void swage_geglu_forward(const float *gate_up, float *y, size_t rows, size_t width) {
    for (size_t r = 0; r < rows; r++) {
        const float *gate = gate_up + r * 2 * width, *up = gate + width;
        float *out = y + r * width;
        for (size_t i = 0; i < width; i++) out[i] = gate[i] * gelu_sigmoid(gate[i]) * up[i];
    }
}

VECTORIZED
void swage_geglu_backward(const float *dy, const float *gate_up, float *dgate_up, float *y, size_t rows, size_t width) {
    for (size_t r = 0; r < rows; r++) {
        const float *g = dy + r * width, *gate = gate_up + r * 2 * width, *up = gate + width;
        float *dgate = dgate_up + r * 2 * width, *dup = dgate + width, *out = y + r * width;
        for (size_t i = 0; i < width; i++) {
            float sigmoid = gelu_sigmoid(gate[i]), gelu = gate[i] * sigmoid;
            out[i] = gelu * up[i];
            dup[i] = g[i] * gelu;
            dgate[i] = g[i] * up[i] * gelu_slope(gate[i], sigmoid);
        }
    }
}

VECTORIZED
void swage_gelu_forward(const float *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = x[i] * gelu_sigmoid(x[i]);
}

VECTORIZED
void swage_gelu_backward(const float *dy, const float *x, float *dx, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) {
        float sigmoid = gelu_sigmoid(x[i]);
        y[i] = x[i] * sigmoid;
        dx[i] = dy[i] * gelu_slope(x[i], sigmoid);
    }
}

VECTORIZED
void swage_soft_cap(float *x, size_t count, float scale, float cap) {
    float inner = scale / cap;
    for (size_t i = 0; i < count; i++) x[i] = cap * tanh_inline(x[i] * inner);
}

VECTORIZED
void swage_soft_cap_backward(float *dy, const float *y, size_t count, float scale, float cap) {
    float inverse = 1.0f / cap;
    for (size_t i = 0; i < count; i++) {
        float t = y[i] * inverse;
        dy[i] *= (1.0f - t * t) * scale;
    }
}

VECTORIZED
void swage_scale(float *x, size_t count, float factor) {
    for (size_t i = 0; i < count; i++) x[i] *= factor;
}

VECTORIZED
void swage_add(float *y, const float *x, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] += x[i];
}

VECTORIZED
void swage_add_scaled(float *y, const float *x, size_t count, float factor) {
    for (size_t i = 0; i < count; i++) y[i] += x[i] * factor;
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
