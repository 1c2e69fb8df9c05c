// Chains in the module unrolled._kernels: descriptions as tuples of integers, memory by address.
// runtime/network.py checks every shape and type in front of it; nothing else calls it.

#include <nanobind/nanobind.h>

#include <limits>
#include <stdexcept>

#include "bindings.h"
#include "training.h"

namespace nb = nanobind;

namespace unrolled {

namespace {

Network network_of(const nb::tuple& numbers) {
    Reader read(numbers);
    Network net{};
    net.P = read.number();
    net.symbols = read.number();
    net.embedding = read.number();
    net.C = read.number();
    net.width = read.number();
    const Index categories = read.number();
    for (Index i = 0; i < categories; ++i) {
        const Index V = read.number(), E = read.number(), table = read.number();
        net.categories.push_back({V, E, table});
    }
    net.cell = static_cast<Cell>(read.number());
    net.H = read.number();
    net.L = read.number();
    net.D = read.number();
    for (Index k = 0; k < net.L * net.D; ++k) {
        const Index w_ih = read.number(), w_hh = read.number();
        const Index b_ih = read.number(), b_hh = read.number();
        net.recurrent.push_back({w_ih, w_hh, b_ih, b_hh});
    }
    net.pooling = static_cast<Pooling>(read.number());
    const Index layers = read.number();
    for (Index i = 0; i < layers; ++i) {
        const Index F = read.number(), K = read.number();
        const auto activation = static_cast<Activation>(read.number());
        const Index w = read.number(), b = read.number();
        net.dense.push_back({F, K, activation, w, b});
    }
    if (net.dense.empty()) throw std::invalid_argument("network holds no head, but must hold one.");
    net.locked = read.number() != 0;
    net.symbol_columns = read.number();
    const float* dropout = read.address<const float>();
    net.between = dropout[0];
    net.after_hidden = dropout[1];
    net.before_head = dropout[2];
    net.of_embedding = dropout[3];
    net.of_input = dropout[4];
    net.of_symbols = dropout[5];
    net.of_weights = dropout[6];
    net.loss = static_cast<Loss>(read.number());
    const Index quantiles = read.number();
    const float* levels = read.address<const float>();
    net.levels.assign(levels, levels + quantiles);
    if (net.loss == Loss::crf) net.crf = read.number();
    return net;
}

Data data_of(const nb::tuple& numbers) {
    Reader read(numbers);
    Data data{};
    data.M = read.number();
    data.N = read.number();
    data.values = read.address<const float>();
    data.tokens = read.address<const Index>();
    data.starts = read.address<const Index>();
    data.lengths = read.address<const Index>();
    data.y = read.address<const float>();
    data.classes = read.address<const Index>();
    data.weight = read.address<const float>();
    return data;
}

Batches batches_of(Index count, Address rows, Address first) {
    return {count, reinterpret_cast<const Index*>(rows), reinterpret_cast<const Index*>(first)};
}

}  // namespace

void bind_chain(nb::module_& m) {
    m.def("chain_train", [](const nb::tuple& network, Address w, const nb::tuple& numbers,
                            Index count, Address rows, Address first, const nb::tuple& settings,
                            double clip_norm, double step, int threads) {
        const Network net = network_of(network);
        const Data data = data_of(numbers);
        Reader read(settings);
        Training training{};
        training.optimizer = static_cast<Optimizer>(read.number());
        const float* terms = read.address<const float>();
        training.momentum = terms[0];
        training.weight_decay = terms[1];
        training.clip_norm = clip_norm;
        training.seed = *read.address<const std::uint64_t>();
        training.step = step;
        training.rates = read.address<const double>();
        training.first = read.address<float>();
        training.second = read.address<float>();
        training.h = read.address<float>();
        training.c = read.address<float>();
        training.losses = read.address<double>();
        training.norms = read.address<double>();
        training.counts = read.address<Index>();
        nb::gil_scoped_release release;
        return train(net, reinterpret_cast<float*>(w), data, batches_of(count, rows, first),
                     training, threads);
    });
    m.def("chain_evaluate", [](const nb::tuple& network, Address w, const nb::tuple& numbers,
                               Index count, Address rows, Address first, Address h, Address c,
                               Address result, int threads) {
        const Network net = network_of(network);
        const Data data = data_of(numbers);
        nb::gil_scoped_release release;
        const Evaluation found =
            evaluate(net, reinterpret_cast<const float*>(w), data, batches_of(count, rows, first),
                     reinterpret_cast<float*>(h), reinterpret_cast<float*>(c), threads);
        reinterpret_cast<double*>(result)[0] = found.sum;
        reinterpret_cast<double*>(result)[1] = found.weight;
    });
    m.def("chain_predict", [](const nb::tuple& network, Address w, const nb::tuple& numbers,
                              Index count, Address rows, Address first, Address h, Address c,
                              Address outputs, bool states, int threads, Address packed) {
        const Network net = network_of(network);
        const Data data = data_of(numbers);
        nb::gil_scoped_release release;
        const float* weights = reinterpret_cast<const float*>(w);
        const Batches batches = batches_of(count, rows, first);
        float* const h_n = reinterpret_cast<float*>(h);
        float* const c_n = reinterpret_cast<float*>(c);
        float* const found = reinterpret_cast<float*>(outputs);
        if (states)
            hidden_states(net, weights, data, batches, h_n, c_n, found, threads);
        else
            predict(net, weights, reinterpret_cast<const char*>(packed), data, batches, h_n, c_n,
                    found, threads);
    });
    m.def("chain_walk", [](const nb::tuple& network, Address w, const nb::tuple& numbers, Address h,
                           Address c, Address scores, Address packed, double temperature,
                           Index top_k, double top_p, const nb::tuple& barred, Address next,
                           Index count, Address uniforms, Index end, Address symbols) {
        const Network net = network_of(network);
        const Data data = data_of(numbers);
        Walk walk{{temperature, top_k, top_p, {}},
                  end,
                  count,
                  reinterpret_cast<const double*>(uniforms),
                  reinterpret_cast<Index*>(symbols),
                  reinterpret_cast<Index*>(next),
                  reinterpret_cast<float*>(scores)};
        Reader read(barred);
        for (std::size_t i = 0; i < barred.size(); ++i) walk.rule.barred.push_back(read.number());
        nb::gil_scoped_release release;
        return unrolled::walk(net, reinterpret_cast<const float*>(w),
                              reinterpret_cast<const char*>(packed), data,
                              reinterpret_cast<float*>(h), reinterpret_cast<float*>(c), walk);
    });
    m.def("chain_packed_size",
          [](const nb::tuple& network) { return packed_size(network_of(network)); });
    m.def("chain_pack", [](const nb::tuple& network, Address w, Address to) {
        pack(network_of(network), reinterpret_cast<const float*>(w), reinterpret_cast<char*>(to));
    });
    m.def("chain_gradient", [](const nb::tuple& network, Address w, const nb::tuple& numbers,
                               Index count, Address rows, Address first, Address seed, Index step,
                               Address grad, int threads) {
        const Network net = network_of(network);
        const Data data = data_of(numbers);
        nb::gil_scoped_release release;
        return gradient(net, reinterpret_cast<const float*>(w), data,
                        batches_of(count, rows, first),
                        *reinterpret_cast<const std::uint64_t*>(seed), step,
                        reinterpret_cast<float*>(grad), threads);
    });
}

}  // namespace unrolled
