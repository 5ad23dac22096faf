#include "swage_kernels.h"
#include "vectorize.h"

static inline float normalize_row(const float *x, const float *weight, float *y, size_t channels, float epsilon) {
    float sum = 0;
    {
        SUM_IN_ANY_ORDER
        for (size_t c = 0; c < channels; c++) sum += x[c] * x[c];
    }
    float scale = 1.0f / __builtin_elementwise_sqrt(sum / (float)channels + epsilon);
    for (size_t c = 0; c < channels; c++) y[c] = x[c] * scale * weight[c];
    return scale;
}

VECTORIZED
void swage_rmsnorm_forward(const float *x, const float *weight, float *y, float *rstd, size_t rows, size_t channels,
                           size_t x_stride, size_t y_stride, float epsilon) {
    for (size_t r = 0; r < rows; r++)
        rstd[r] = normalize_row(x + r * x_stride, weight, y + r * y_stride, channels, epsilon);
}

VECTORIZED
void swage_add_rmsnorm_forward(float *x, const float *residual, const float *weight, float *y, float *rstd, size_t rows,
                               size_t channels, float epsilon) {
    for (size_t r = 0; r < rows; r++) {
        float *row = x + r * channels;
        for (size_t c = 0; c < channels; c++) row[c] += residual[r * channels + c];
        rstd[r] = normalize_row(row, weight, y + r * channels, channels, epsilon);
    }
}

VECTORIZED
void swage_rmsnorm_backward(const float *dy, const float *x, const float *weight, const float *rstd, float *dx,
                            float *dweight, size_t rows, size_t channels, size_t stride, int overwrite) {
    for (size_t r = 0; r < rows; r++) {
        const float *g = dy + r * stride, *row = x + r * stride;
        float *out = dx + r * stride;
        float scale = rstd[r], dot = 0;
        {
            SUM_IN_ANY_ORDER
            for (size_t c = 0; c < channels; c++) dot += g[c] * weight[c] * row[c];
        }
        float shift = dot * scale * scale * scale / (float)channels;
        for (size_t c = 0; c < channels; c++) dweight[c] += g[c] * row[c] * scale;
        if (overwrite)
            for (size_t c = 0; c < channels; c++) out[c] = g[c] * weight[c] * scale - row[c] * shift;
        else
            for (size_t c = 0; c < channels; c++) out[c] += g[c] * weight[c] * scale - row[c] * shift;
    }
}

/// The mean of a row.
static inline float mean_of(const float *x, size_t channels) {
    float sum = 0;
    {
        SUM_IN_ANY_ORDER
        for (size_t c = 0; c < channels; c++) sum += x[c];
    }
    return sum / (float)channels;
}

VECTORIZED
void swage_layernorm_forward(float *x, const float *residual, const float *weight, const float *bias, float *y,
                             float *rstd, size_t rows, size_t channels, float epsilon) {
    for (size_t r = 0; r < rows; r++) {
        float *row = x + r * channels, *out = y + r * channels;
        if (residual)
            for (size_t c = 0; c < channels; c++) row[c] += residual[r * channels + c];
        float mean = mean_of(row, channels), sum = 0;
        {
            SUM_IN_ANY_ORDER
            for (size_t c = 0; c < channels; c++) sum += (row[c] - mean) * (row[c] - mean);
        }
        float scale = 1.0f / __builtin_elementwise_sqrt(sum / (float)channels + epsilon);
        for (size_t c = 0; c < channels; c++) out[c] = (row[c] - mean) * scale * weight[c] + bias[c];
        rstd[r] = scale;
    }
}

VECTORIZED
void swage_layernorm_backward(const float *dy, const float *x, const float *weight, const float *rstd, float *dx,
                              float *dweight, float *dbias, size_t rows, size_t channels, int overwrite) {
    for (size_t r = 0; r < rows; r++) {
        const float *g = dy + r * channels, *row = x + r * channels;
        float *out = dx + r * channels;
        float mean = mean_of(row, channels), scale = rstd[r], sum = 0, dot = 0;
        {
            SUM_IN_ANY_ORDER
            for (size_t c = 0; c < channels; c++) {
                sum += g[c] * weight[c];
                dot += g[c] * weight[c] * (row[c] - mean);
            }
        }
        float level = sum * scale / (float)channels, shift = dot * scale * scale * scale / (float)channels;
        for (size_t c = 0; c < channels; c++) {
            float gradient = g[c];
            dweight[c] += gradient * (row[c] - mean) * scale;
            dbias[c] += gradient;
            float direct = gradient * weight[c] * scale - level - (row[c] - mean) * shift;
            out[c] = overwrite ? direct : out[c] + direct;
        }
    }
}
