/**
 * The small operations of a transformer's training step, for TensorFlow on the engine `native`.
 *
 * Between its matrix products, which stay TensorFlow's, a step of a small model calls dozens of operations whose call
 * costs more than what they compute. Each of those here does the work of many. src/engine/native/library.ts loads them;
 * src/engine/operations/ says when they are used, and has each of them as a plain loop as well.
 *
 * Results are made to depend neither on threads nor on the processor: every operation runs on one thread and adds up in
 * a fixed order, the compiler fuses no product with a sum (-ffp-contract=off) where `fused` does not say so, and the only
 * function of the C library that rounds is the logarithm.
 */
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"

// Vectors of 8 numbers need AVX2 and FMA on x86. Only what stands between these two lines uses them, and is called where
// the processor has them.
#if defined(__x86_64__) && defined(__clang__)
#define BEGIN_VECTORS _Pragma("clang attribute push(__attribute__((target(\"avx2,fma\"))), apply_to = function)")
#define END_VECTORS _Pragma("clang attribute pop")
#elif defined(__x86_64__)
#define BEGIN_VECTORS _Pragma("GCC push_options") _Pragma("GCC target(\"avx2,fma\")")
#define END_VECTORS _Pragma("GCC pop_options")
#else
#define BEGIN_VECTORS
#define END_VECTORS
#endif

#define INLINED __attribute__((always_inline))
#define INLINE inline INLINED

namespace {

using Size = int64_t;

constexpr Size LANES = 8;
typedef float Vector __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t Integers __attribute__((vector_size(LANES * sizeof(int32_t))));
typedef float Half __attribute__((vector_size(LANES / 2 * sizeof(float))));

/** The next multiple of a vector's length. */
constexpr Size padded(Size size) { return (size + LANES - 1) / LANES * LANES; }

/** Rows whose sums are taken in float before they are added up in double precision. */
constexpr Size ROWS_IN_FLOAT = 64;

BEGIN_VECTORS

/** The first `count` numbers of a vector, at most all; zeros after them. */
INLINE Vector load(const float* from, Size count = LANES) {
  Vector vector = {};
  if (count >= LANES) {
    std::memcpy(&vector, from, sizeof vector);
  } else {
    for (Size lane = 0; lane < count; lane++) vector[lane] = from[lane];
  }
  return vector;
}

INLINE void store(float* to, Vector vector, Size count = LANES) {
  if (count >= LANES) {
    std::memcpy(to, &vector, sizeof vector);
  } else {
    for (Size lane = 0; lane < count; lane++) to[lane] = vector[lane];
  }
}

/** Calls `body(start, count)` for every vector of `size` numbers; the last may be a part of one. */
template <class Body>
INLINE void inVectors(Size size, Body body) {
  Size at = 0;
  for (; at + LANES <= size; at += LANES) body(at, LANES);
  if (at < size) body(at, size - at);
}

/** a * b + c, rounded once. */
INLINE Vector fused(Vector a, Vector b, Vector c) {
#if defined(__x86_64__)
  return (Vector)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  for (Size lane = 0; lane < LANES; lane++) c[lane] = __builtin_fmaf(a[lane], b[lane], c[lane]);
  return c;
#endif
}

INLINE Vector squareRoot(Vector x) {
#if defined(__x86_64__)
  return (Vector)_mm256_sqrt_ps((__m256)x);
#else
  for (Size lane = 0; lane < LANES; lane++) x[lane] = __builtin_sqrtf(x[lane]);
  return x;
#endif
}

union Halves {
  Vector all;
  Half halves[2];
};

INLINE float sumOf(Vector vector) {
  const Halves both = {vector};
  const Half sums = both.halves[0] + both.halves[1];
  return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

INLINE float largestOf(Vector vector) {
  const Halves both = {vector};
  const Half larger = both.halves[0] > both.halves[1] ? both.halves[0] : both.halves[1];
  return std::max(std::max(larger[0], larger[2]), std::max(larger[1], larger[3]));
}

/** `yes` where the condition holds, else `no`. */
INLINE Vector choose(Integers condition, Vector yes, Vector no) {
  return (Vector)((condition & (Integers)yes) | (~condition & (Integers)no));
}

INLINE Vector all(float value) { return value - Vector{}; }

/**
 * e^x to a relative error of 2e-7; 0 below -87, infinite above 88, NaN for NaN. Argument reduction to |r| <= ln(2) / 2,
 * then the polynomial of Cephes' expf.
 */
INLINE Vector exponential(Vector x) {
  const float ROUND = 12582912; // 1.5 * 2^23: whoever adds it rounds to an integer, which the last bits then hold
  const Vector shifted = fused(x, all(1.44269504088896341f), all(ROUND));
  const Vector n = shifted - ROUND;
  const Vector r = fused(n, all(2.12194440e-4f), fused(n, all(-0.693359375f), x));
  Vector series = fused(all(1.9875691500e-4f), r, all(1.3981999507e-3f));
  series = fused(series, r, all(8.3334519073e-3f));
  series = fused(series, r, all(4.1665795894e-2f));
  series = fused(series, r, all(1.6666665459e-1f));
  series = fused(series, r, all(5.0000001201e-1f));
  series = fused(series, r * r, r) + 1.0f;
  const Vector power = (Vector)(((Integers)shifted + 127) << 23);
  const Vector value = choose(x < -87.0f, Vector{}, series * power);
  return choose(x > 88.0f, all(INFINITY), value);
}

/** The error function to 3e-7, exactly -1 and 1 beyond +-4; NaN for NaN. Eigen's rational approximation. */
INLINE Vector errorFunction(Vector x) {
  const Vector square = x * x;
  Vector p = fused(all(-2.72614225801306e-10f), square, all(2.77068142495902e-08f));
  p = fused(p, square, all(-2.10102402082508e-06f));
  p = fused(p, square, all(-5.69250639462346e-05f));
  p = fused(p, square, all(-7.34990630326855e-04f));
  p = fused(p, square, all(-2.95459980854025e-03f));
  p = fused(p, square, all(-1.60960333262415e-02f));
  Vector q = fused(all(-1.45660718464996e-05f), square, all(-2.13374055278905e-04f));
  q = fused(q, square, all(-1.68282697438203e-03f));
  q = fused(q, square, all(-7.37332916720468e-03f));
  q = fused(q, square, all(-1.42647390514189e-02f));
  return choose(x > 4.0f, all(1), choose(x < -4.0f, all(-1), x * p / q));
}

/** Sums down columns, of rows that are added one after the other. */
class ColumnTotals {
 public:
  /** @param room for `columns` floats and doubles */
  ColumnTotals(float* floats, double* doubles, Size columns) : part_(floats), total_(doubles), columns_(columns) {
    std::fill_n(part_, columns_, 0.0f);
    std::fill_n(total_, columns_, 0.0);
  }

  INLINE void add(Size column, Vector values, Size count) {
    store(part_ + column, load(part_ + column, count) + values, count);
  }

  /** After every row. */
  INLINE void nextRow() {
    if (++rows_ % ROWS_IN_FLOAT == 0) flush();
  }

  void writeTo(float* sums) {
    flush();
    for (Size column = 0; column < columns_; column++) sums[column] = static_cast<float>(total_[column]);
  }

 private:
  void flush() {
    for (Size column = 0; column < columns_; column++) total_[column] += part_[column];
    std::fill_n(part_, columns_, 0.0f);
  }

  float* part_;
  double* total_;
  Size columns_;
  Size rows_ = 0;
};

void columnSums(const float* x, Size rows, Size columns, ColumnTotals totals, float* sums) {
  for (Size row = 0; row < rows; row++, x += columns) {
    inVectors(columns, [&](Size at, Size count) INLINED { totals.add(at, load(x + at, count), count); });
    totals.nextRow();
  }
  totals.writeTo(sums);
}

/** y = GELU(x + bias), and its slope; either may be x itself. */
void biasGelu(const float* x, const float* bias, Size rows, Size columns, float* y, float* slope) {
  for (Size row = 0; row < rows; row++, x += columns, y += columns, slope += columns) {
    inVectors(columns, [&](Size at, Size count) INLINED {
      const Vector value = load(x + at, count) + load(bias + at, count);
      const Vector phi = fused(errorFunction(value * 0.707106781186547524f), all(0.5f), all(0.5f));
      const Vector density = exponential(value * value * -0.5f) * 0.398942280401432678f;
      store(y + at, value * phi, count);
      store(slope + at, fused(value, density, phi), count);
    });
  }
}

/** dx = dy * slope, and its column sums; dx may be either. */
void biasGeluGradient(const float* dy, const float* slope, Size rows, Size columns, float* dx, ColumnTotals totals,
                      float* dBias) {
  for (Size row = 0; row < rows; row++, dy += columns, slope += columns, dx += columns) {
    inVectors(columns, [&](Size at, Size count) INLINED {
      const Vector product = load(dy + at, count) * load(slope + at, count);
      store(dx + at, product, count);
      totals.add(at, product, count);
    });
    totals.nextRow();
  }
  totals.writeTo(dBias);
}

/** y = x + a + aBias + b + bBias, a row of which is `columns` long; y may be x, a or b. */
void residual(const float* x, const float* a, const float* aBias, const float* b, const float* bBias, Size rows,
              Size columns, float* y) {
  for (Size row = 0; row < rows; row++, x += columns, a += columns, b += columns, y += columns) {
    inVectors(columns, [&](Size at, Size count) INLINED {
      const Vector first = load(a + at, count) + load(aBias + at, count);
      const Vector second = load(b + at, count) + load(bBias + at, count);
      store(y + at, load(x + at, count) + (first + second), count);
    });
  }
}

/** Layer norm of each row, and the row's mean and inverse deviation. */
void layerNorm(const float* x, const float* gain, const float* bias, Size rows, Size width, float epsilon, float* y,
               float* moments) {
  for (Size row = 0; row < rows; row++, x += width, y += width, moments += 2) {
    Vector sums = {};
    inVectors(width, [&](Size at, Size count) INLINED { sums += load(x + at, count); });
    const float mean = sumOf(sums) / width;
    Vector squares = {};
    inVectors(width, [&](Size at, Size count) INLINED {
      Vector centred = load(x + at, count) - mean;
      for (Size lane = count; lane < LANES; lane++) centred[lane] = 0;
      squares = fused(centred, centred, squares);
    });
    const float inverse = 1 / std::sqrt(sumOf(squares) / width + epsilon);
    inVectors(width, [&](Size at, Size count) INLINED {
      const Vector normal = (load(x + at, count) - mean) * inverse;
      store(y + at, fused(normal, load(gain + at, count), load(bias + at, count)), count);
    });
    moments[0] = mean;
    moments[1] = inverse;
  }
}

/** The gradient of layer norm with respect to its input, gain and bias. dx may be dy. */
void layerNormGradient(const float* dy, const float* x, const float* gain, const float* moments, Size rows, Size width,
                       float* dx, ColumnTotals gainTotals, float* dGain, ColumnTotals biasTotals, float* dBias) {
  for (Size row = 0; row < rows; row++, dy += width, x += width, dx += width, moments += 2) {
    const float mean = moments[0];
    const float inverse = moments[1];
    Vector sums = {};
    Vector projections = {};
    inVectors(width, [&](Size at, Size count) INLINED {
      const Vector upstream = load(dy + at, count); // 0 beyond the row, and so is every product with it
      const Vector projected = upstream * ((load(x + at, count) - mean) * inverse);
      const Vector scale = load(gain + at, count);
      gainTotals.add(at, projected, count);
      biasTotals.add(at, upstream, count);
      sums = fused(upstream, scale, sums);
      projections = fused(projected, scale, projections);
    });
    const float sum = sumOf(sums) / width;
    const float projection = sumOf(projections) / width;
    inVectors(width, [&](Size at, Size count) INLINED {
      const Vector normal = (load(x + at, count) - mean) * inverse;
      const Vector scaled = load(dy + at, count) * load(gain + at, count);
      store(dx + at, inverse * (scaled - (normal * projection + sum)), count);
    });
    gainTotals.nextRow();
    biasTotals.nextRow();
  }
  gainTotals.writeTo(dGain);
  biasTotals.writeTo(dBias);
}

/** Shape of attention, and where a head's rows are. `stride` is `width` padded to whole vectors. */
struct Heads {
  Size sequences;
  Size time;
  Size heads;
  Size width;
  /** Half of the dimensions that turn. */
  Size half;
  const float* cos;
  const float* sin;

  Size stride() const { return padded(width); }
  Size hidden() const { return heads * width; }
  /** Numbers of one head, in padded rows. */
  Size matrix() const { return time * stride(); }
};

/** Copies one head's rows, `from` apart by `step`, into padded rows of zeros, with a bias added. */
INLINE void gather(const Heads& shape, const float* from, Size step, const float* bias, float* to) {
  for (Size row = 0; row < shape.time; row++, from += step, to += shape.stride()) {
    inVectors(shape.width, [&](Size at, Size count) INLINED {
      store(to + at, load(from + at, count) + load(bias + at, count));
    });
  }
}

/** Copies them back. */
INLINE void scatter(const Heads& shape, const float* from, float* to, Size step) {
  for (Size row = 0; row < shape.time; row++, from += shape.stride(), to += step) {
    inVectors(shape.width, [&](Size at, Size count) INLINED { store(to + at, load(from + at), count); });
  }
}

/** Turns the first dimensions of every row by its angles, in place; `direction` -1 turns back. */
INLINE void turn(const Heads& shape, float* x, float direction) {
  for (Size row = 0, angle = 0; row < shape.time; row++, x += shape.stride()) {
    for (Size i = 0; i < shape.half; i++, angle++) {
      const float first = x[i];
      const float second = x[i + shape.half];
      const float sin = shape.sin[angle] * direction;
      x[i] = first * shape.cos[angle] - second * sin;
      x[i + shape.half] = second * shape.cos[angle] + first * sin;
    }
  }
}

/** Puts q, k and v of one head into `room`, one matrix after the other, with their biases, q and k turned. */
INLINE void gatherHead(const Heads& shape, const float* rows, const float* bias, float* room) {
  for (Size which = 0; which < 3; which++) {
    float* const to = room + which * shape.matrix();
    gather(shape, rows + which * shape.width, 3 * shape.hidden(), bias + which * shape.width, to);
    if (which < 2) turn(shape, to, 1);
  }
}

/** Dot product of two padded rows. */
INLINE float dot(const float* a, const float* b, Size stride) {
  Vector sums = {};
  for (Size at = 0; at < stride; at += LANES) sums = fused(load(a + at), load(b + at), sums);
  return sumOf(sums);
}

/** y = sum over k in [from, to) of weights[k * step] * rows[k]. */
INLINE void weightedSum(const float* weights, Size step, const float* rows, Size from, Size to, Size stride, float* y) {
  for (Size at = 0; at < stride; at += LANES) {
    Vector sums = {};
    for (Size k = from; k < to; k++) sums = fused(all(weights[k * step]), load(rows + k * stride + at), sums);
    store(y + at, sums);
  }
}

/** Softmax of a row of scores that is padded with -infinity. */
INLINE void softmax(float* scores, Size size, float* probabilities) {
  Vector most = load(scores);
  for (Size j = LANES; j < size; j += LANES) most = choose(load(scores + j) > most, load(scores + j), most);
  const float largest = largestOf(most);
  Vector sums = {};
  for (Size j = 0; j < size; j += LANES) {
    const Vector weights = exponential(load(scores + j) - largest);
    store(scores + j, weights);
    sums += weights;
  }
  const float normaliser = 1 / sumOf(sums);
  inVectors(size, [&](Size j, Size count) INLINED { store(probabilities + j, load(scores + j) * normaliser, count); });
}

/** Room for attention and its gradient: this many floats. */
Size attentionRoom(const Heads& shape) {
  return 7 * shape.matrix() + shape.time * padded(shape.time) + shape.stride();
}

/**
 * Causal attention of qkv + bias, whose columns are (head, q|k|v, dimension).
 * @param probabilities [sequences, heads, time, time]
 */
void attention(const float* qkv, const float* bias, const Heads& shape, float* room, float* y, float* probabilities) {
  const Size time = shape.time;
  const Size across = padded(time);
  const Size matrix = shape.matrix();
  const Size stride = shape.stride();
  const Size columns = 3 * shape.hidden();
  float* const q = room;
  float* const k = q + matrix;
  float* const v = k + matrix;
  float* const mixed = v + matrix;
  float* const scores = mixed + matrix;
  const float scale = static_cast<float>(1 / std::sqrt(static_cast<double>(shape.width)));
  for (Size sequence = 0; sequence < shape.sequences; sequence++) {
    for (Size head = 0; head < shape.heads; head++, probabilities += time * time) {
      const float* const rows = qkv + sequence * time * columns + head * 3 * shape.width;
      gatherHead(shape, rows, bias + head * 3 * shape.width, room);
      // Three loops, because in one everything would wait for each row's softmax.
      for (Size i = 0; i < time; i++) {
        float* const row = scores + i * across;
        for (Size j = 0; j <= i; j++) row[j] = dot(q + i * stride, k + j * stride, stride) * scale;
        std::fill(row + i + 1, row + across, -INFINITY);
      }
      for (Size i = 0; i < time; i++) softmax(scores + i * across, time, probabilities + i * time);
      for (Size i = 0; i < time; i++) {
        weightedSum(probabilities + i * time, 1, v, 0, i + 1, stride, mixed + i * stride);
      }
      scatter(shape, mixed, y + sequence * time * shape.hidden() + head * shape.width, shape.hidden());
    }
  }
}

/** Its gradient with respect to qkv, and the column sums of that, which are the gradient of the bias. */
void attentionGradient(const float* dy, const float* qkv, const float* bias, const float* probabilities,
                       const Heads& shape, float* room, float* dQkv, ColumnTotals totals, float* dBias) {
  const Size time = shape.time;
  const Size across = padded(time);
  const Size matrix = shape.matrix();
  const Size stride = shape.stride();
  const Size columns = 3 * shape.hidden();
  float* const q = room;
  float* const k = q + matrix;
  float* const v = k + matrix;
  float* const upstream = v + matrix;
  float* const dq = upstream + matrix;
  float* const dk = dq + matrix;
  float* const dv = dk + matrix;
  float* const none = dv + matrix; // instead of a bias
  float* const dScores = none + stride;
  std::fill_n(none, stride, 0.0f);
  const float scale = static_cast<float>(1 / std::sqrt(static_cast<double>(shape.width)));
  for (Size sequence = 0; sequence < shape.sequences; sequence++) {
    float* const dRows = dQkv + sequence * time * columns;
    for (Size head = 0; head < shape.heads; head++, probabilities += time * time) {
      const Size first = head * 3 * shape.width;
      const float* const rows = qkv + sequence * time * columns + first;
      gatherHead(shape, rows, bias + first, room);
      gather(shape, dy + sequence * time * shape.hidden() + head * shape.width, shape.hidden(), none, upstream);
      for (Size i = 0; i < time; i++) {
        float* const slopes = dScores + i * across;
        for (Size j = 0; j <= i; j++) slopes[j] = dot(upstream + i * stride, v + j * stride, stride);
        std::fill(slopes + i + 1, slopes + across, 0.0f);
      }
      for (Size i = 0; i < time; i++) {
        const float* const weights = probabilities + i * time;
        float* const slopes = dScores + i * across;
        Vector products = {};
        inVectors(time, [&](Size j, Size count) INLINED {
          products = fused(load(weights + j, count), load(slopes + j), products);
        });
        const float expected = sumOf(products);
        inVectors(time, [&](Size j, Size count) INLINED {
          store(slopes + j, load(weights + j, count) * (load(slopes + j) - expected) * scale);
        });
      }
      for (Size i = 0; i < time; i++) {
        weightedSum(dScores + i * across, 1, k, 0, i + 1, stride, dq + i * stride);
        weightedSum(dScores + i, across, q, i, time, stride, dk + i * stride);
        weightedSum(probabilities + i, time, upstream, i, time, stride, dv + i * stride);
      }
      turn(shape, dq, -1);
      turn(shape, dk, -1);
      scatter(shape, dq, dRows + first, columns);
      scatter(shape, dk, dRows + first + shape.width, columns);
      scatter(shape, dv, dRows + first + 2 * shape.width, columns);
    }
    for (Size row = 0; row < time; row++) {
      const float* const done = dRows + row * columns;
      inVectors(columns, [&](Size at, Size count) INLINED { totals.add(at, load(done + at, count), count); });
      totals.nextRow();
    }
  }
  totals.writeTo(dBias);
}

/** Numbers of a row of logits whose exponentials are added in float before they are added up in double precision. */
constexpr Size LOGITS_IN_FLOAT = 64 * LANES;

/** Each row's logit of its label minus the log of the sum of the row's exponentials, and that log. */
void tokenLogProbability(const float* logits, const int32_t* labels, Size rows, Size vocabulary, float* logProbability,
                         float* logSum) {
  for (Size row = 0; row < rows; row++, logits += vocabulary) {
    Vector most = all(-INFINITY);
    inVectors(vocabulary, [&](Size at, Size count) INLINED {
      Vector values = load(logits + at, count);
      for (Size lane = count; lane < LANES; lane++) values[lane] = -INFINITY;
      most = choose(values > most, values, most);
    });
    const float largest = largestOf(most);
    double sum = 0;
    for (Size start = 0; start < vocabulary; start += LOGITS_IN_FLOAT) {
      Vector sums = {};
      inVectors(std::min(LOGITS_IN_FLOAT, vocabulary - start), [&](Size at, Size count) INLINED {
        Vector values = exponential(load(logits + start + at, count) - largest);
        for (Size lane = count; lane < LANES; lane++) values[lane] = 0;
        sums += values;
      });
      sum += sumOf(sums);
    }
    const double normaliser = largest + std::log(sum);
    logProbability[row] = static_cast<float>(logits[labels[row]] - normaliser);
    logSum[row] = static_cast<float>(normaliser);
  }
}

/** dy * (1 for the label, minus the token's probability). */
void tokenLogProbabilityGradient(const float* dy, const float* logits, const int32_t* labels, const float* logSum,
                                 Size rows, Size vocabulary, float* dLogits) {
  for (Size row = 0; row < rows; row++, logits += vocabulary, dLogits += vocabulary) {
    inVectors(vocabulary, [&](Size at, Size count) INLINED {
      store(dLogits + at, -dy[row] * exponential(load(logits + at, count) - logSum[row]), count);
    });
    dLogits[labels[row]] += dy[row];
  }
}

/** Numbers of one update of AdamW, as src/engine/resident.ts names them; then 1 - beta1 and 1 - beta2. */
struct Update {
  float scale, keep, rate, epsilon, firstRate, secondRate;
};

/** AdamW of `size` numbers; outputs may be the inputs. */
void adamw(const float* parameter, const float* first, const float* second, const float* gradient, const Update& update,
           Size size, float* newParameter, float* newFirst, float* newSecond) {
  inVectors(size, [&](Size at, Size count) INLINED {
    const Vector g = load(gradient + at, count) * update.scale;
    const Vector m = load(first + at, count);
    const Vector v = load(second + at, count);
    const Vector mNext = fused(g - m, all(update.firstRate), m);
    const Vector vNext = fused(fused(g, g, -v), all(update.secondRate), v);
    const Vector decayed = load(parameter + at, count) * update.keep;
    store(newParameter + at, decayed - mNext / (squareRoot(vNext) + update.epsilon) * update.rate, count);
    store(newFirst + at, mNext, count);
    store(newSecond + at, vNext, count);
  });
}

END_VECTORS

// What TensorFlow calls.

/** A fault of whoever called the operation; TensorFlow gives it the message. */
struct Invalid : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using Shape = std::vector<Size>;

std::string inWords(const Shape& shape) {
  std::string words = "[";
  for (Size size : shape) words += (words.size() > 1 ? ", " : "") + std::to_string(size);
  return words + "]";
}

/** An input. TensorFlow keeps its memory while the operation runs. */
struct Input {
  const void* data;
  Shape shape;

  const float* floats() const { return static_cast<const float*>(data); }
  const int32_t* integers() const { return static_cast<const int32_t*>(data); }
  Size size() const {
    Size size = 1;
    for (Size length : shape) size *= length;
    return size;
  }
};

/** What an operation was made with; it has some of them. */
struct Attributes {
  int32_t time = 1;
  int32_t heads = 1;
  float epsilon = 0;
};

/** One call of an operation. */
class Call {
 public:
  Call(TF_OpKernelContext* context, const Attributes& attributes)
      : attributes(attributes), context_(context), status_(TF_NewStatus()) {}
  ~Call() { TF_DeleteStatus(status_); }
  Call(const Call&) = delete;

  const Attributes& attributes;

  Input input(int index) {
    TF_Tensor* tensor = nullptr;
    TF_GetInput(context_, index, &tensor, status_);
    check();
    Input input = {TF_TensorData(tensor), shapeOf(tensor)};
    TF_DeleteTensor(tensor); // which only counts readers: as long as we were one, no output could take its memory
    return input;
  }

  /** An input of this shape, in which -1 is any length. @throws Invalid where it has another */
  Input input(int index, const char* name, const Shape& expected) {
    Input given = input(index);
    bool fits = given.shape.size() == expected.size();
    for (size_t axis = 0; fits && axis < expected.size(); axis++) {
      fits = expected[axis] == -1 || expected[axis] == given.shape[axis];
    }
    if (!fits) {
      throw Invalid(std::string(name) + " is of shape " + inWords(given.shape) + "; it must be " + inWords(expected) +
                    " (-1: any length)");
    }
    return given;
  }

  /** Integers of this shape, from 0 to below `bound`. */
  Input indices(int index, const char* name, const Shape& expected, Size bound) {
    Input given = input(index, name, expected);
    for (Size at = 0; at < given.size(); at++) {
      const int32_t value = given.integers()[at];
      if (value < 0 || value >= bound) {
        throw Invalid(std::string(name) + " has " + std::to_string(value) + " at " + std::to_string(at) +
                      "; it must be from 0 to below " + std::to_string(bound));
      }
    }
    return given;
  }

  /** Room for an output: one of the inputs in `over`, of the same shape, where nobody else reads it any more. */
  float* output(int index, const Shape& shape, std::vector<int> over = {}) {
    const int rank = static_cast<int>(shape.size());
    TF_Tensor* tensor = nullptr;
    if (over.empty()) {
      size_t bytes = sizeof(float);
      for (Size length : shape) bytes *= static_cast<size_t>(length);
      tensor = TF_AllocateOutput(context_, index, TF_FLOAT, shape.data(), rank, bytes, status_);
    } else {
      tensor = TF_ForwardInputOrAllocateOutput(context_, over.data(), static_cast<int>(over.size()), index,
                                               shape.data(), rank, nullptr, status_);
    }
    check();
    float* data = static_cast<float*>(TF_TensorData(tensor));
    TF_DeleteTensor(tensor);
    return data;
  }

  void fail(const std::string& message) {
    TF_SetStatus(status_, TF_INVALID_ARGUMENT, message.c_str());
    TF_OpKernelContext_Failure(context_, status_);
  }

 private:
  void check() const {
    if (TF_GetCode(status_) != TF_OK) throw std::runtime_error(TF_Message(status_));
  }

  static Shape shapeOf(const TF_Tensor* tensor) {
    Shape shape(static_cast<size_t>(TF_NumDims(tensor)));
    for (size_t axis = 0; axis < shape.size(); axis++) shape[axis] = TF_Dim(tensor, static_cast<int>(axis));
    return shape;
  }

  TF_OpKernelContext* context_;
  TF_Status* status_;
};

/** Memory for the totals of columns. */
class Totals {
 public:
  explicit Totals(Size columns) : floats_(columns), doubles_(columns) {}
  operator ColumnTotals() { return {floats_.data(), doubles_.data(), static_cast<Size>(floats_.size())}; }

 private:
  std::vector<float> floats_;
  std::vector<double> doubles_;
};

void callColumnSums(Call& call) {
  const Input x = call.input(0, "x", {-1, -1});
  float* sums = call.output(0, {x.shape[1]});
  columnSums(x.floats(), x.shape[0], x.shape[1], Totals(x.shape[1]), sums);
}

void callBiasGelu(Call& call) {
  const Input x = call.input(0, "x", {-1, -1});
  const Input bias = call.input(1, "bias", {x.shape[1]});
  float* y = call.output(0, x.shape);
  float* slope = call.output(1, x.shape, {0});
  biasGelu(x.floats(), bias.floats(), x.shape[0], x.shape[1], y, slope);
}

void callBiasGeluGradient(Call& call) {
  const Input dy = call.input(0, "dy", {-1, -1});
  const Input slope = call.input(1, "slope", dy.shape);
  float* dx = call.output(0, dy.shape, {0, 1});
  float* dBias = call.output(1, {dy.shape[1]});
  biasGeluGradient(dy.floats(), slope.floats(), dy.shape[0], dy.shape[1], dx, Totals(dy.shape[1]), dBias);
}

void callResidual(Call& call) {
  const Input x = call.input(0, "x", {-1, -1});
  const Shape ofBias = {x.shape[1]};
  const Input a = call.input(1, "a", x.shape);
  const Input aBias = call.input(2, "aBias", ofBias);
  const Input b = call.input(3, "b", x.shape);
  const Input bBias = call.input(4, "bBias", ofBias);
  float* y = call.output(0, x.shape, {1, 3, 0});
  residual(x.floats(), a.floats(), aBias.floats(), b.floats(), bBias.floats(), x.shape[0], x.shape[1], y);
}

void callLayerNorm(Call& call) {
  const Input x = call.input(0, "x", {-1, -1});
  const Input gain = call.input(1, "gain", {x.shape[1]});
  const Input bias = call.input(2, "bias", {x.shape[1]});
  float* y = call.output(0, x.shape);
  float* moments = call.output(1, {x.shape[0], 2});
  layerNorm(x.floats(), gain.floats(), bias.floats(), x.shape[0], x.shape[1], call.attributes.epsilon, y, moments);
}

void callLayerNormGradient(Call& call) {
  const Input dy = call.input(0, "dy", {-1, -1});
  const Input x = call.input(1, "x", dy.shape);
  const Input gain = call.input(2, "gain", {x.shape[1]});
  const Input moments = call.input(3, "moments", {x.shape[0], 2});
  float* dx = call.output(0, x.shape, {0});
  float* dGain = call.output(1, gain.shape);
  float* dBias = call.output(2, gain.shape);
  layerNormGradient(dy.floats(), x.floats(), gain.floats(), moments.floats(), x.shape[0], x.shape[1], dx,
                    Totals(x.shape[1]), dGain, Totals(x.shape[1]), dBias);
}

/** The heads that lie in `qkv`, turned by the angles `cos` and `sin`. */
Heads headsIn(const Attributes& attributes, const Input& qkv, const Input& cos, const Input& sin) {
  const Size time = attributes.time;
  const Size heads = attributes.heads;
  if (time < 1 || heads < 1 || qkv.shape[0] % time != 0 || qkv.shape[1] % (3 * heads) != 0) {
    throw Invalid("qkv is of shape " + inWords(qkv.shape) + "; its rows must be a multiple of time (" +
                  std::to_string(time) + "), and its columns of 3 * heads (" + std::to_string(heads) + ")");
  }
  const Size width = qkv.shape[1] / 3 / heads;
  const Size half = cos.shape[1];
  if (2 * half > width) {
    throw Invalid("cos is of shape " + inWords(cos.shape) + "; a head of " + std::to_string(width) +
                  " dimensions has no " + std::to_string(half) + " pairs of them");
  }
  return {qkv.shape[0] / time, time, heads, width, half, cos.floats(), sin.floats()};
}

void callAttention(Call& call) {
  const Input qkv = call.input(0, "qkv", {-1, -1});
  const Input bias = call.input(1, "bias", {qkv.shape[1]});
  const Input cos = call.input(2, "cos", {call.attributes.time, -1});
  const Input sin = call.input(3, "sin", cos.shape);
  const Heads shape = headsIn(call.attributes, qkv, cos, sin);
  float* y = call.output(0, {qkv.shape[0], shape.hidden()});
  float* probabilities = call.output(1, {shape.sequences, shape.heads, shape.time, shape.time});
  std::vector<float> room(attentionRoom(shape));
  attention(qkv.floats(), bias.floats(), shape, room.data(), y, probabilities);
}

void callAttentionGradient(Call& call) {
  const Input qkv = call.input(1, "qkv", {-1, -1});
  const Input bias = call.input(2, "bias", {qkv.shape[1]});
  const Input cos = call.input(4, "cos", {call.attributes.time, -1});
  const Input sin = call.input(5, "sin", cos.shape);
  const Heads shape = headsIn(call.attributes, qkv, cos, sin);
  const Input dy = call.input(0, "dy", {qkv.shape[0], shape.hidden()});
  const Input probabilities = call.input(3, "probabilities", {shape.sequences, shape.heads, shape.time, shape.time});
  float* dQkv = call.output(0, qkv.shape, {1});
  float* dBias = call.output(1, bias.shape);
  std::vector<float> room(attentionRoom(shape));
  attentionGradient(dy.floats(), qkv.floats(), bias.floats(), probabilities.floats(), shape, room.data(), dQkv,
                    Totals(qkv.shape[1]), dBias);
}

void callTokenLogProbability(Call& call) {
  const Input logits = call.input(0, "logits", {-1, -1});
  const Input labels = call.indices(1, "labels", {logits.shape[0]}, logits.shape[1]);
  float* logProbability = call.output(0, labels.shape);
  float* logSum = call.output(1, labels.shape);
  tokenLogProbability(logits.floats(), labels.integers(), logits.shape[0], logits.shape[1], logProbability, logSum);
}

void callTokenLogProbabilityGradient(Call& call) {
  const Input logits = call.input(1, "logits", {-1, -1});
  const Input labels = call.indices(2, "labels", {logits.shape[0]}, logits.shape[1]);
  const Input dy = call.input(0, "dy", labels.shape);
  const Input logSum = call.input(3, "logSum", labels.shape);
  float* dLogits = call.output(0, logits.shape, {1});
  tokenLogProbabilityGradient(dy.floats(), logits.floats(), labels.integers(), logSum.floats(), logits.shape[0],
                              logits.shape[1], dLogits);
}

void callAdamw(Call& call) {
  const Input parameter = call.input(0);
  const Input first = call.input(1, "first", parameter.shape);
  const Input second = call.input(2, "second", parameter.shape);
  const Input gradient = call.input(3, "gradient", parameter.shape);
  const Input numbers = call.input(4, "numbers", {6});
  Update update;
  std::memcpy(&update, numbers.floats(), sizeof update);
  float* newParameter = call.output(0, parameter.shape, {0});
  float* newFirst = call.output(1, parameter.shape, {1});
  float* newSecond = call.output(2, parameter.shape, {2});
  adamw(parameter.floats(), first.floats(), second.floats(), gradient.floats(), update, parameter.size(), newParameter,
        newFirst, newSecond);
}

void* create(TF_OpKernelConstruction* construction) {
  auto* attributes = new Attributes;
  TF_Status* status = TF_NewStatus();
  const auto has = [&](const char* name) {
    return TF_GetCode(status) == TF_OK && TF_OpKernelConstruction_HasAttr(construction, name, status);
  };
  const auto integer = [&](const char* name, int32_t& value) {
    if (has(name)) TF_OpKernelConstruction_GetAttrInt32(construction, name, &value, status);
  };
  integer("time", attributes->time);
  integer("heads", attributes->heads);
  if (has("epsilon")) TF_OpKernelConstruction_GetAttrFloat(construction, "epsilon", &attributes->epsilon, status);
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return attributes;
}

void destroy(void* attributes) { delete static_cast<Attributes*>(attributes); }

template <void (*body)(Call&)>
void compute(void* attributes, TF_OpKernelContext* context) {
  Call call(context, *static_cast<const Attributes*>(attributes));
  try {
    body(call);
  } catch (const std::exception& error) {
    call.fail(error.what());
  }
}

/** Says of each output which input has the same shape; -1 where none has. TensorFlow fuses more where it knows shapes. */
template <int... inputs>
void shapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
  int output = 0;
  for (const int input : {inputs...}) {
    if (input >= 0) {
      TF_ShapeHandle* handle = TF_NewShapeHandle();
      TF_ShapeInferenceContextGetInput(context, input, handle, status);
      TF_ShapeInferenceContextSetOutput(context, output, handle, status);
      TF_DeleteShapeHandle(handle);
    }
    output++;
  }
}

struct Operation {
  const char* name;
  std::vector<const char*> inputs;
  std::vector<const char*> outputs;
  std::vector<const char*> attributes;
  void (*shapes)(TF_ShapeInferenceContext*, TF_Status*);
  void (*compute)(void*, TF_OpKernelContext*);
};

const Operation OPERATIONS[] = {
    {"ColumnSums", {"x: float"}, {"sums: float"}, {}, shapes<-1>, compute<callColumnSums>},
    {"BiasGelu", {"x: float", "bias: float"}, {"y: float", "slope: float"}, {}, shapes<0, 0>, compute<callBiasGelu>},
    {"BiasGeluGradient",
     {"dy: float", "slope: float"},
     {"dx: float", "d_bias: float"},
     {},
     shapes<0, -1>,
     compute<callBiasGeluGradient>},
    {"Residual",
     {"x: float", "a: float", "a_bias: float", "b: float", "b_bias: float"},
     {"y: float"},
     {},
     shapes<0>,
     compute<callResidual>},
    {"LayerNorm",
     {"x: float", "gain: float", "bias: float"},
     {"y: float", "moments: float"},
     {"epsilon: float"},
     shapes<0, -1>,
     compute<callLayerNorm>},
    {"LayerNormGradient",
     {"dy: float", "x: float", "gain: float", "moments: float"},
     {"dx: float", "d_gain: float", "d_bias: float"},
     {},
     shapes<1, 2, 2>,
     compute<callLayerNormGradient>},
    {"BiasAttention",
     {"qkv: float", "bias: float", "cos: float", "sin: float"},
     {"y: float", "probabilities: float"},
     {"time: int", "heads: int"},
     shapes<-1, -1>,
     compute<callAttention>},
    {"BiasAttentionGradient",
     {"dy: float", "qkv: float", "bias: float", "probabilities: float", "cos: float", "sin: float"},
     {"d_qkv: float", "d_bias: float"},
     {"time: int", "heads: int"},
     shapes<1, 2>,
     compute<callAttentionGradient>},
    {"TokenLogProbability",
     {"logits: float", "labels: int32"},
     {"log_probability: float", "log_sum: float"},
     {},
     shapes<1, 1>,
     compute<callTokenLogProbability>},
    {"TokenLogProbabilityGradient",
     {"dy: float", "logits: float", "labels: int32", "log_sum: float"},
     {"d_logits: float"},
     {},
     shapes<1>,
     compute<callTokenLogProbabilityGradient>},
    {"Adamw",
     {"parameter: float", "first: float", "second: float", "gradient: float", "numbers: float"},
     {"new_parameter: float", "new_first: float", "new_second: float"},
     {},
     shapes<0, 1, 2>,
     compute<callAdamw>},
};

void registerOperation(const Operation& operation, TF_Status* status) {
  const std::string name = std::string("NegativeKnowledge") + operation.name;
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(name.c_str());
  for (const char* input : operation.inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char* output : operation.outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
  for (const char* attribute : operation.attributes) TF_OpDefinitionBuilderAddAttr(definition, attribute);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, operation.shapes);
  TF_RegisterOpDefinition(definition, status);
  if (TF_GetCode(status) != TF_OK) return;
  TF_KernelBuilder* kernel = TF_NewKernelBuilder(name.c_str(), "CPU", create, operation.compute, destroy);
  TF_RegisterKernelBuilder(name.c_str(), kernel, status);
}

bool hasVectors() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return true;
#endif
}

/** Registers every operation. @returns why it cannot be done, or nothing */
std::string registerOperations() {
  if (!hasVectors()) return "this processor lacks AVX2 or FMA";
  TF_Status* status = TF_NewStatus();
  std::string problem;
  for (const Operation& operation : OPERATIONS) {
    registerOperation(operation, status);
    if (TF_GetCode(status) != TF_OK) {
      problem = TF_Message(status);
      break;
    }
  }
  TF_DeleteStatus(status);
  return problem;
}

} // namespace

// Node's own headers may not be here; of its interface only this much is used.
extern "C" int napi_throw_error(void* environment, const char* code, const char* message);

/** What Node calls in every of its threads that loads this file. TensorFlow, which all of them share, is told once. */
extern "C" __attribute__((visibility("default"))) void* napi_register_module_v1(void* environment, void* exports) {
  static const std::string problem = registerOperations();
  if (!problem.empty()) napi_throw_error(environment, nullptr, problem.c_str());
  return exports;
}
