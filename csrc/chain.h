// A chain: embedding, recurrent stack, pooling, dense layers, head and loss, forward and backward, for
// one batch at a time. Its memory is that of the largest batch.
#pragma once

#include <algorithm>
#include <vector>

#include "lending.h"
#include "network.h"
#include "order.h"

namespace unrolled {

// Memory handed out from its beginning to its end, each piece on a cache line of its own.
class Pieces {
public:
    explicit Pieces(char* base) : base_(base) {}  // null: it only counts

    template <class T>
    T* take(Index count) {
        const Index at = size_;
        size_ += (count * static_cast<Index>(sizeof(T)) + 63) / 64 * 64;
        return base_ ? reinterpret_cast<T*>(base_ + at) : nullptr;
    }
    Index size() const { return size_; }

private:
    char* base_;
    Index size_ = 0;
};

// Lent for as long as it is there, so that the next call finds its pages.
class Memory {
public:
    Memory() = default;
    ~Memory() { clear(); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    void grow(Index size);  // throws std::bad_alloc; what was in it is lost
    char* data() const { return data_; }

private:
    char* data_ = nullptr;
    Index size_ = 0;

    void clear() {
        if (data_) give_back(data_);
        data_ = nullptr;
        size_ = 0;
    }
};

// Work below which another thread costs more than it gains: operations of products; numbers for which
// functions are computed; numbers that are read and written.
constexpr double worth_operations = 1e6;
constexpr double worth_functions = 16384;
constexpr double worth_numbers = 65536;

// Bytes of the largest table of symbols' parts of the gates.
constexpr Index most_folded = 4 * 1024 * 1024;

// The dropout of one step; without one, nothing is dropped.
struct Randomness {
    std::uint64_t seed;
    std::uint32_t step;
};

struct BatchLoss {
    double sum;     // of weight * loss
    double weight;  // sum
    Index count;    // rows that have a target
};

// Factors of dropout that many numbers share, for the batch in hand; of no size where there are none.
struct Masks {
    explicit Masks(const Network& net) : between(net.L), weights(net.L * net.D) {}

    float* symbols;               // [V]
    float* known;                 // [N, T] 0: the symbol is read as number 0
    float* input;                 // locked: [N, C]
    std::vector<float*> between;  // locked: [N, D * H] of each layer but the last
    float* head;                  // locked: [N, F]
    Index* head_rows;             // [R] the row of each that the head reads
    std::vector<float*> weights;  // W_hh after dropout, [G * H, H] of each layer and direction
};

class Chain {
public:
    Chain(const Network&, const Data&, int threads);

    // The weights as `pack` has written them, for forward without backward; null: as they are. Before
    // `reserve`.
    void use_packed(const char* packed) { lay_out_packed(const_cast<char*>(packed)); }
    Index packed_size() { return lay_out_packed(nullptr); }  // bytes
    void pack(const float* w, char* to);

    // Memory for a batch of these sizes; `training`: with all that backward needs.
    void reserve(const BatchSizes&, bool training);

    // The batch of these rows from now on. w: the parameters. h0, c0: [L * D, N, H] first states, or
    // null: zeros.
    void forward(const BatchSizes&, const Index* rows, const float* w, const float* h0,
                 const float* c0, bool training, const Randomness*);
    // With `gradient`, backward may follow, once; the scores are lost.
    BatchLoss loss(bool gradient);
    // Writes the gradient of the loss's sum / count to all P of `grad`.
    void backward(float* grad);

    const float* scores() const { return y_.back(); }         // [R, K], every: by position
    const float* last_h() const { return h_n_; }              // [L * D, N, H]
    const float* last_c() const { return c_n_; }
    const float* states() const { return out_[last_layer()]; }  // [T, N, D * H], 0 where padded
    const Order& order() const { return order_.get(); }

private:
    const Network& network_;
    const Data& data_;
    const ChainKernels& kernels_;
    const int threads_;
    Memory memory_;
    RowOrder order_;

    // The batch in hand.
    BatchSizes sizes_{};
    const Index* rows_ = nullptr;
    const float *w_ = nullptr, *h0_ = nullptr, *c0_ = nullptr;
    const Randomness* random_ = nullptr;
    bool training_ = false;

    // What `pack` writes; null: there is no such.
    std::vector<char*> packed_;        // [L * D] weights of the stack
    std::vector<char*> packed_dense_;  // those of each dense layer
    float* folded_ = nullptr;          // [V, gate_size] what each symbol adds to the first gates

    Index* lengths_;                   // [N]
    float* x_;                         // [T, N, C]
    std::vector<float*> out_;          // each layer's [T, N, D * H]
    std::vector<float*> saved_;        // [L * D]
    float *h_n_, *c_n_;                // [L * D, N, H]
    Masks masks_;
    float* pooled_;                    // [N, D * H]
    std::vector<const float**> read_;  // R rows that each dense layer reads
    std::vector<float*> dropped_;      // [R, F] what it reads after dropout, or null
    std::vector<float*> y_;            // [R, K] what it gives
    Index* target_;                    // [R] rows of y, weight
    float* factor_;                    // [R]
    double* losses_;                   // [R]
    Index* labelled_;                  // [N] of the loss "crf"
    float* grad_crf_;                  // [K * (K + 2)]
    CrfMemory crf_;
    std::vector<float*> grad_read_;    // [R, F] gradient of what a dense layer reads, or null
    float** grad_rows_;                // [R]
    float* grad_h_n_;                  // [D, N, H]
    float* grad_states_[2];            // [T, N, D * H]
    float* grad_x_;                    // [T, N, C]
    Index* codes_;                     // [tables, S] rows of each table
    const float** grad_codes_;         // [S] where the gradient of each lies

    Index lay_out(char* base, const BatchSizes&, bool training);
    Index last_layer() const { return training_ ? network_.L - 1 : (network_.L - 1) % 2; }
    Sizes layer_sizes(Index layer) const;
    Index lay_out_packed(char* base);
    Index gate_size() const;
    Index input_size() const { return folded_ ? gate_size() : network_.C; }  // columns of x_
    bool drops(std::size_t layer) const;

    // work(team), the team of as many threads as have `worth` of the amount each.
    template <class Work>
    void with_team(double amount, double worth, const Work& work) const {
        const double wanted = std::min({amount / worth, double(threads_), double(most_threads)});
        Team team(std::max(1, static_cast<int>(wanted)), threads_);
        work(team);
    }

    void lay_out_masks(Pieces&);
    void draw_masks();
    void draw(float probability, std::uint32_t site, Index rows, Index columns, const float* from,
              float* to) const;
    void scale(Index rows, Index columns, const float* factors, const Index* which, float* to) const;
    void gather();
    void drop_input(float* x) const;
    void run_stack();
    const float* w_hh(Index direction) const;
    void drop_weights(float* grad) const;
    void drop_states(Index layer, float* states) const;
    void pool();
    void name_rows();
    void run_dense(std::size_t layer);
    void drop_read(std::size_t layer, float* rows) const;
    BatchLoss crf_loss(bool gradient);
    void dense_backward(std::size_t layer, float* grad);
    float* grad_of_state(Index position) const;
    Sequence<const float> pool_backward();
    void stack_backward(Sequence<const float> grad_out, float* grad);
    void tables_backward(float* grad) const;
    void table_backward(Index offset, Index E, const Index* codes, const float* factors,
                        float* total) const;
};

}  // namespace unrolled
