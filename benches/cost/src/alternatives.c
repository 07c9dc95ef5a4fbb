// SGLD as one would write it in C, on newlib: Box-Muller with logf, sqrtf and sincosf, one draw of each
// pair kept; the generator (Pcg32) and the gradient are those of the Rust loops beside it.

#define _GNU_SOURCE
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#define N 8

struct linear {
    float x[N], y, s, lambda;
};

struct normal {
    uint64_t state, increment;
    float spare;
    bool has_spare;
};

static uint32_t next_word(struct normal *normal)
{
    uint64_t state = normal->state;
    normal->state = state * 6364136223846793005u + normal->increment;
    uint32_t word = (uint32_t)(((state >> 18) ^ state) >> 27);
    uint32_t turn = (uint32_t)(state >> 59);
    return word >> turn | word << (-turn & 31);
}

static float draw(struct normal *normal)
{
    if (normal->has_spare) {
        normal->has_spare = false;
        return normal->spare;
    }
    float u = (float)(next_word(normal) | 1) * 0x1p-32f;
    float v = (float)next_word(normal) * (6.2831853f * 0x1p-32f);
    float r = sqrtf(-2.0f * logf(u));
    float sine, cosine;
    sincosf(v, &sine, &cosine);
    normal->spare = r * sine;
    normal->has_spare = true;
    return r * cosine;
}

void c_sgld_steps(uint32_t steps, float theta[N], const struct linear *linear, float eta, float sigma,
                  struct normal *normal)
{
    for (; steps; --steps) {
        float residual = -linear->y;
        for (int i = 0; i < N; ++i)
            residual += linear->x[i] * theta[i];
        residual *= linear->s;
        for (int i = 0; i < N; ++i) {
            float gradient = residual * linear->x[i] + linear->lambda * theta[i];
            theta[i] += sigma * draw(normal) - eta * gradient;
        }
    }
}
