#include "swage_kernels.h"
#include "vectorize.h"

#include <math.h>

static inline float largest(const float *x, size_t begin, size_t end) {
    enum { lanes = 32 };
    float best[lanes];
    for (int lane = 0; lane < lanes; lane++) best[lane] = -INFINITY;
    size_t i = begin;
    for (; i + lanes <= end; i += lanes)
        for (int lane = 0; lane < lanes; lane++) best[lane] = x[i + lane] > best[lane] ? x[i + lane] : best[lane];
    for (; i < end; i++) best[0] = x[i] > best[0] ? x[i] : best[0];
    for (int lane = 1; lane < lanes; lane++) best[0] = best[lane] > best[0] ? best[lane] : best[0];
    return best[0];
}

VECTORIZED
void swage_softmax_forward(float *scores, size_t rows, size_t columns, const int32_t *first, const int32_t *last,
                           float scale, float *lse, size_t lse_stride) {
    for (size_t r = 0; r < rows; r++) {
        float *row = scores + r * columns;
        size_t begin = (size_t)first[r], end = (size_t)last[r];
        float top = largest(row, begin, end) * scale, sum = 0;
        for (size_t i = begin; i < end; i++) row[i] = exp_inline(row[i] * scale - top);
        {
            SUM_IN_ANY_ORDER
            for (size_t i = begin; i < end; i++) sum += row[i];
        }
        float inverse = 1.0f / sum;
        for (size_t i = begin; i < end; i++) row[i] *= inverse;
        memset(row, 0, begin * sizeof(float));
        memset(row + end, 0, (columns - end) * sizeof(float));
        lse[r * lse_stride] = top + logf(sum);
    }
}

VECTORIZED
void swage_softmax_forward_sink(float *scores, size_t rows, size_t columns, const int32_t *first, const int32_t *last,
                                float scale, float sink, float *lse, size_t lse_stride) {
    for (size_t r = 0; r < rows; r++) {
        float *row = scores + r * columns;
        size_t begin = (size_t)first[r], end = (size_t)last[r];
        float top = largest(row, begin, end) * scale, sum = 0;
        top = sink > top ? sink : top;
        for (size_t i = begin; i < end; i++) row[i] = exp_inline(row[i] * scale - top);
        {
            SUM_IN_ANY_ORDER
            for (size_t i = begin; i < end; i++) sum += row[i];
        }
        sum += exp_inline(sink - top);
        float inverse = 1.0f / sum;
        for (size_t i = begin; i < end; i++) row[i] *= inverse;
        memset(row, 0, begin * sizeof(float));
        memset(row + end, 0, (columns - end) * sizeof(float));
        lse[r * lse_stride] = top + logf(sum);
    }
}

VECTORIZED
void swage_softmax_backward(float *scores, float *dprobabilities, size_t rows, size_t columns, const int32_t *first,
                            const int32_t *last, float scale, const float *lse, const float *delta, size_t stride) {
    for (size_t r = 0; r < rows; r++) {
        float *p = scores + r * columns, *dp = dprobabilities + r * columns;
        size_t begin = (size_t)first[r], end = (size_t)last[r];
        float row_lse = lse[r * stride], row_delta = delta[r * stride];
        for (size_t i = begin; i < end; i++) {
            p[i] = exp_inline(p[i] * scale - row_lse);
            dp[i] = p[i] * (dp[i] - row_delta) * scale;
        }
        memset(p, 0, begin * sizeof(float));
        memset(dp, 0, begin * sizeof(float));
        memset(p + end, 0, (columns - end) * sizeof(float));
        memset(dp + end, 0, (columns - end) * sizeof(float));
    }
}

VECTORIZED
void swage_softmax_backward_capped(float *scores, float *dprobabilities, size_t rows, size_t columns,
                                   const int32_t *first, const int32_t *last, float scale, float cap, const float *lse,
                                   const float *delta, size_t stride) {
    for (size_t r = 0; r < rows; r++) {
        float *p = scores + r * columns, *dp = dprobabilities + r * columns;
        size_t begin = (size_t)first[r], end = (size_t)last[r];
        float row_lse = lse[r * stride], row_delta = delta[r * stride];
        for (size_t i = begin; i < end; i++) {
            float t = tanh_inline(p[i] * (scale / cap));
            p[i] = exp_inline(cap * t - row_lse);
            dp[i] = p[i] * (dp[i] - row_delta) * (1.0f - t * t) * scale;
        }
        memset(p, 0, begin * sizeof(float));
        memset(dp, 0, begin * sizeof(float));
        memset(p + end, 0, (columns - end) * sizeof(float));
        memset(dp + end, 0, (columns - end) * sizeof(float));
    }
}

VECTORIZED
void swage_log_sum_exp(const float *logits, float *lse, size_t rows, size_t vocabulary) {
    for (size_t r = 0; r < rows; r++) {
        SUM_IN_ANY_ORDER
        const float *row = logits + r * vocabulary;
        float top = largest(row, 0, vocabulary), sum = 0;
        for (size_t i = 0; i < vocabulary; i++) sum += exp_inline(row[i] - top);
        lse[r] = top + logf(sum);
    }
}

VECTORIZED
void swage_exponentials(const float *logits, float *weights, size_t count, float inverse_temperature) {
    float top = largest(logits, 0, count);
    for (size_t i = 0; i < count; i++) weights[i] = exp_inline((logits[i] - top) * inverse_temperature);
}

/// log(x) for 0 < x <= 1, to 2 units in the last place, without a branch.
static inline float log_inline(float x) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    int32_t exponent = (bits - 0x3F3504F3) >> 23;
    int32_t mantissa_bits = bits - (int32_t)((uint32_t)exponent << 23);
    float m;
    memcpy(&m, &mantissa_bits, sizeof m);
    float r = m - 1.0f, n = (float)exponent;
    float p = 7.0376836292e-2f;
    p = p * r - 1.1514610310e-1f;
    p = p * r + 1.1676998740e-1f;
    p = p * r - 1.2420140846e-1f;
    p = p * r + 1.4249322787e-1f;
    p = p * r - 1.6668057665e-1f;
    p = p * r + 2.0000714765e-1f;
    p = p * r - 2.4999993993e-1f;
    p = p * r + 3.3333331174e-1f;
    float square = r * r;
    return r + (p * r * square + n * -2.12194440e-4f - 0.5f * square) + n * 0.693359375f;
}

/// 32 bits that look random, of a key and an index.
static inline uint32_t mixed(uint32_t low, uint32_t high, uint32_t index) {
    uint32_t x = index * 0x9E3779B1u ^ low;
    for (int round = 0; round < 2; round++) {
        x ^= x >> 16;
        x *= 0x85EBCA6Bu;
        x ^= x >> 13;
        x *= 0xC2B2AE35u;
        x ^= x >> 16;
        x += high;
    }
    return x;
}

VECTORIZED
size_t swage_largest(const float *x, size_t count) {
    float top = largest(x, 0, count);
    size_t i = 0;
    while (i + 1 < count && x[i] != top) i++;
    return i;
}

VECTORIZED
void swage_race(float *weights, size_t count, uint64_t key) {
    uint32_t low = (uint32_t)key, high = (uint32_t)(key >> 32);
    for (size_t i = 0; i < count; i++) {
        float v = ((float)mixed(low, high, (uint32_t)i) + 0.5f) * 0x1p-32f, y = 1.0f - v;
        // -log(1 - v), which for small v is v: the rounding of y is made good by the quotient.
        float time = y < 1.0f ? -log_inline(y > 0.0f ? y : 0x1p-33f) * (v / (1.0f - y)) : v;
        weights[i] /= time;
    }
}

VECTORIZED
void swage_logprob_backward(float *logits, const float *lse, const int32_t *targets, const float *dlogprob, size_t rows,
                            size_t vocabulary) {
    for (size_t r = 0; r < rows; r++) {
        float *row = logits + r * vocabulary;
        float top = lse[r], g = dlogprob[r];
        for (size_t i = 0; i < vocabulary; i++) row[i] = -g * exp_inline(row[i] - top);
        row[targets[r]] += g;
    }
}

VECTORIZED
void swage_entropy(const float *logits, const float *lse, float *entropy, size_t rows, size_t vocabulary) {
    for (size_t r = 0; r < rows; r++) {
        SUM_IN_ANY_ORDER
        const float *row = logits + r * vocabulary;
        float sum = 0, top = lse[r];
        for (size_t i = 0; i < vocabulary; i++) sum += exp_inline(row[i] - top) * (row[i] - top);
        entropy[r] = -sum;
    }
}

VECTORIZED
void swage_entropy_backward(const float *logits, const float *lse, const float *entropy, const float *dentropy,
                            float *dlogits, size_t rows, size_t vocabulary) {
    for (size_t r = 0; r < rows; r++) {
        const float *row = logits + r * vocabulary;
        float *out = dlogits + r * vocabulary;
        float top = lse[r], own = entropy[r], g = dentropy[r];
        for (size_t i = 0; i < vocabulary; i++) out[i] -= g * exp_inline(row[i] - top) * (row[i] - top + own);
    }
}
