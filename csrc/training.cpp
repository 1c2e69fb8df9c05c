#include "training.h"

#include <cmath>
#include <cstring>
#include <stdexcept>

#include "chain.h"
#include "dispatch.h"

namespace unrolled {

namespace {

// The sizes of all batches, when all of them have been checked.
std::vector<BatchSizes> check(const Network& network, const Data& data, const Batches& batches) {
    std::vector<BatchSizes> sizes;
    sizes.reserve(static_cast<std::size_t>(batches.count));
    for (Index b = 0; b < batches.count; ++b)
        sizes.push_back(check_rows(network, data, batches.of(b), batches.size(b)));
    return sizes;
}

void check_carried(const std::vector<BatchSizes>& sizes) {
    for (const BatchSizes& batch : sizes)
        if (batch.N != sizes.front().N)
            throw std::invalid_argument(
                "rows holds batches of different sizes, but a carried state needs the same rows in "
                "each.");
}

// The state after a batch becomes that before the next.
void carry(const Network& network, const Chain& chain, Index N, float* h, float* c) {
    const std::size_t bytes =
        static_cast<std::size_t>(network.L * network.D * N * network.H) * sizeof(float);
    if (h) std::memcpy(h, chain.last_h(), bytes);
    if (c) std::memcpy(c, chain.last_c(), bytes);
}

// The number of a step in the random numbers' counter, which comes round after 2^32.
std::uint32_t number_of(double step) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(step));
}

// Whether a number is finite in the precision of all else.
bool is_finite(double a) { return std::isfinite(static_cast<float>(a)); }

double mean(const BatchLoss& loss) {
    return loss.count ? loss.sum / static_cast<double>(loss.count) : 0.0;
}

}  // namespace

Index train(const Network& network, float* w, const Data& data, const Batches& batches,
            const Training& training, int threads) {
    const FlushDenormals flush;
    const std::vector<BatchSizes> sizes = check(network, data, batches);
    if (training.h) check_carried(sizes);
    Chain chain(network, data, threads);
    for (const BatchSizes& batch : sizes) chain.reserve(batch, true);
    Memory memory;
    memory.grow(network.P * Index(sizeof(float)));
    float* const grad = reinterpret_cast<float*>(memory.data());
    const ChainKernels& kernels = *instruction_set().chain;
    const auto share = [&](double each) {
        const double wanted = std::min({double(network.P) / each, double(threads), double(most_threads)});
        return std::max(1, static_cast<int>(wanted));
    };

    for (Index b = 0; b < batches.count; ++b) {
        const double step = training.step + static_cast<double>(b) + 1;
        const Randomness random{training.seed, number_of(step)};
        if (Scratch::poisoned())
            std::memset(grad, 0xff, static_cast<std::size_t>(network.P) * sizeof(float));
        chain.forward(sizes[b], batches.of(b), w, training.h, training.c, true, &random);
        const BatchLoss loss = chain.loss(true);
        chain.backward(grad);
        double norm;
        {
            Team team(share(4 * worth_numbers), threads);
            norm = std::sqrt(kernels.sum_of_squares(network.P, grad, team));
        }
        training.losses[b] = mean(loss);
        training.norms[b] = norm;
        training.counts[b] = loss.count;
        if (!is_finite(training.losses[b]) || !is_finite(norm)) return b;
        const double scale = norm > training.clip_norm ? training.clip_norm / norm : 1.0;
        const OptimizerStep job{training.optimizer,
                                network.P,
                                w,
                                grad,
                                training.first,
                                training.second,
                                static_cast<float>(scale),
                                static_cast<float>(training.rates[b]),
                                training.momentum,
                                training.weight_decay,
                                step};
        Team team(share(worth_numbers / 2), threads);
        kernels.step(job, team);
        carry(network, chain, sizes[b].N, training.h, training.c);
    }
    return batches.count;
}

Evaluation evaluate(const Network& network, const float* w, const Data& data,
                    const Batches& batches, float* h, float* c, int threads) {
    const FlushDenormals flush;
    const std::vector<BatchSizes> sizes = check(network, data, batches);
    if (h) check_carried(sizes);
    Chain chain(network, data, threads);
    for (const BatchSizes& batch : sizes) chain.reserve(batch, false);
    Evaluation result{0, 0};
    for (Index b = 0; b < batches.count; ++b) {
        chain.forward(sizes[b], batches.of(b), w, h, c, false, nullptr);
        const BatchLoss loss = chain.loss(false);
        result.sum += loss.sum;
        result.weight += loss.weight;
        carry(network, chain, sizes[b].N, h, c);
    }
    return result;
}

void predict(const Network& network, const float* w, const char* packed, const Data& data,
             const Batches& batches, float* h, float* c, float* outputs, int threads) {
    const FlushDenormals flush;
    const std::vector<BatchSizes> sizes = check(network, data, batches);
    if (h) check_carried(sizes);
    Chain chain(network, data, threads);
    chain.use_packed(packed);
    for (const BatchSizes& batch : sizes) chain.reserve(batch, false);
    const Index K = network.head().K;
    const std::size_t bytes = static_cast<std::size_t>(K) * sizeof(float);
    std::vector<Index> begin;
    for (Index b = 0; b < batches.count; ++b) {
        chain.forward(sizes[b], batches.of(b), w, h, c, false, nullptr);
        carry(network, chain, sizes[b].N, h, c);
        const float* scores = chain.scores();
        if (network.every()) {
            begin.clear();
            Index before = 0;
            for (Index n = 0; n < sizes[b].N; ++n) {
                begin.push_back(before);
                before += data.lengths[batches.of(b)[n]];
            }
            const Order& order = chain.order();
            for (Index j = 0; j < order.steps; ++j)
                for (Index i = 0; i < order.active[j]; ++i)
                    std::memcpy(outputs + (begin[order.row[i]] + j) * K,
                                scores + (order.first[j] + i) * K, bytes);
        } else {
            std::memcpy(outputs, scores, static_cast<std::size_t>(sizes[b].R) * bytes);
        }
        outputs += sizes[b].R * K;
    }
}

Index walk(const Network& network, const float* w, const char* packed, const Data& data, float* h,
           float* c, const Walk& walk) {
    const Index row = 0, K = network.head().K;
    Sampler sampler(walk.rule, K);
    Chain chain(network, data, 1);
    chain.use_packed(packed);
    chain.reserve({1, 1, 1, 1}, false);
    for (Index n = 0; n < walk.count; ++n) {
        try {
            if (*walk.next >= 0) {
                const BatchSizes sizes = check_rows(network, data, &row, 1);
                const FlushDenormals flush;
                chain.forward(sizes, &row, w, h, c, false, nullptr);
                carry(network, chain, 1, h, c);
                std::copy_n(chain.scores(), K, walk.scores);
                *walk.next = -1;
            }
            *walk.next = walk.symbols[n] = sampler.draw(walk.scores, walk.uniforms[n]);
        } catch (const std::invalid_argument&) {
            if (n == 0) throw;
            return n;
        }
        if (walk.symbols[n] == walk.end) return n + 1;
    }
    return walk.count;
}

Index packed_size(const Network& network) {
    const Data nothing{};
    return Chain(network, nothing, 1).packed_size();
}

void pack(const Network& network, const float* w, char* to) {
    const Data nothing{};
    Chain(network, nothing, 1).pack(w, to);
}

void hidden_states(const Network& network, const float* w, const Data& data,
                   const Batches& batches, float* h, float* c, float* states, int threads) {
    const FlushDenormals flush;
    const BatchSizes sizes = check(network, data, batches).front();
    Chain chain(network, data, threads);
    chain.reserve(sizes, false);
    chain.forward(sizes, batches.of(0), w, h, c, false, nullptr);
    carry(network, chain, sizes.N, h, c);
    std::memcpy(states, chain.states(),
                static_cast<std::size_t>(sizes.T * sizes.N * network.states()) * sizeof(float));
}

double gradient(const Network& network, const float* w, const Data& data, const Batches& batches,
                std::uint64_t seed, Index step, float* grad, int threads) {
    const FlushDenormals flush;
    const BatchSizes sizes = check(network, data, batches).front();
    Chain chain(network, data, threads);
    chain.reserve(sizes, true);
    const Randomness random{seed, number_of(static_cast<double>(step))};
    chain.forward(sizes, batches.of(0), w, nullptr, nullptr, true, step > 0 ? &random : nullptr);
    const double loss = mean(chain.loss(true));
    chain.backward(grad);
    return loss;
}

}  // namespace unrolled
