// Dense layers: y = phi(W x + b) for R rows at once, forward above backward.
#pragma once

#include "chain_kernels.h"
#include "dispatch.h"
#include "gates.h"
#include "gradients.h"
#include "team_work.h"
#include "workspace.h"

namespace unrolled {
namespace UNROLLED_ISA {

// Rows whose inputs stay in the second-level cache while all panels of the weights pass by.
constexpr Index dense_block(Index F) {
    return greatest(96, 128 * 1024 / (greatest(1, F) * Index(sizeof(float))));
}

UNROLLED_INLINE void store_part(Vec<float> v, float* to, Index columns) {
    if (columns >= Vec<float>::width) {
        v.store(to);
    } else if (columns > 0) {
        v.store_first(to, columns);
    }
}

UNROLLED_INLINE Vec<float> load_part(const float* from, Index columns) {
    if (columns >= Vec<float>::width) return Vec<float>::load(from);
    return columns > 0 ? Vec<float>::load_first(from, columns) : Vec<float>::zero();
}

// Weights and biases as the product reads them.
struct DensePanels {
    static constexpr Index wide = panel_width<float>;
    Index F, K, panels, size;  // size: bytes
    float* w;                  // [panels, F, 2 W]
    float* b;                  // [panels, 2 W]

    DensePanels(Index F, Index K, char* base) : F(F), K(K), panels(parts(K, wide)) {
        Arena arena(base);
        w = arena.take<float>(panels * F * wide);
        b = arena.take<float>(panels * wide);
        size = arena.size();
    }

    void fill(const float* from_w, const float* from_b, Range own) const {
        pack_gates<2, 1, float>(from_w, K, F, own.begin, own.end, w);
        for (Index k = own.begin * wide; k < own.end * wide; ++k) b[k] = k < K ? from_b[k] : 0.0f;
    }
};

inline Index dense_packed_size(Index F, Index K) { return DensePanels(F, K, nullptr).size; }

inline void dense_pack(Index F, Index K, const float* w, const float* b, char* to) {
    const DensePanels packed(F, K, to);
    packed.fill(w, b, {0, packed.panels});
}

inline void dense_forward(const DenseForward& job, Team& team) {
    using V = Vec<float>;
    constexpr int W = V::width;
    constexpr Index wide = panel_width<float>;
    const Index F = job.F, K = job.K;
    const Scratch scratch(job.packed ? 0 : dense_packed_size(F, K));
    const DensePanels packed(F, K, job.packed ? const_cast<char*>(job.packed) : scratch.data());
    run(team, [&](int worker) {
        if (!job.packed) packed.fill(job.w, job.b, share(packed.panels, worker, team.size()));
        team.barrier();
        const Range rows = share(job.R, worker, team.size());
        const Index block = dense_block(F);
        const Activation activation = job.activation;
        for (Index r = rows.begin; r < rows.end; r += block) {
            float* y = job.y + r * K;
            product<2, float>(
                least(block, rows.end - r), Rows<float>::contiguous(job.x + r, F), packed.w, 0,
                packed.panels, FromPanel<float>{packed.b},
                [activation](float* sums) {
                    if (activation == Activation::none) return;
                    for (int v = 0; v < 2; ++v) {
                        const V a = V::load(sums + v * W);
                        (activation == Activation::relu ? V::max(V::zero(), a)
                                                        : hyperbolic_tangent<float>(a))
                            .store(sums + v * W);
                    }
                },
                [=](Index i, Index p, const float* sums) {
                    for (int v = 0; v < 2; ++v) {
                        const Index k = p * wide + v * W;
                        store_part(V::load(sums + v * W), y + i * K + k, K - k);
                    }
                });
        }
    });
}

// With a = W x + b and da = dy * phi'(a), in terms of y:
//
//     dx = da W        dW = sum of da x^T        db = sum of da
//
// A stretch of rows at a time, da in panels while it is in the cache; two stretches in turn, so that
// threads meet once a stretch. Threads share the rows of dx and the columns of dW, never a sum.
class DenseBackwardPass {
    using V = Vec<float>;
    static constexpr int W = V::width;
    static constexpr Index wide = panel_width<float>;

public:
    DenseBackwardPass(const DenseBackward& job, Team& team)
        : job_(job), team_(team), panels_(parts(job.K, wide)), groups_(groups_of(job.F)),
          // Where one panel holds all of da, none of its padding is multiplied.
          K_(job.K <= wide ? job.K : panels_ * wide), stretch_(least(job.R, block_rows)),
          stride_(rounded_up(stretch_ * wide, 1024) + 16 * 17) {}

    void run() {
        const Scratch scratch(lay_out(nullptr));
        lay_out(scratch.data());
        UNROLLED_ISA::run(team_, [this](int worker) { work(worker); });
    }

private:
    const DenseBackward& job_;
    Team& team_;
    Index panels_, groups_, K_, stretch_, stride_;
    float* w_;        // [input panels, K, 2 W]
    float* da_[2];    // [panels, stride]
    float* total_w_;  // [panels, groups, group, 2 W]: grad_w, transposed
    float* total_b_;  // [panels, 2 W]
    struct Own {
        const float** left;  // rows of da
        float* packed;       // a group of columns of x
    };
    Own own_[most_threads];

    Index lay_out(char* base) {
        Arena arena(base);
        w_ = arena.take<float>(job_.grad_x ? parts(job_.F, wide) * K_ * wide : 0);
        for (float*& da : da_) da = arena.take<float>(panels_ * stride_);
        total_w_ = arena.take<float>(panels_ * groups_ * group * wide);
        total_b_ = arena.take<float>(panels_ * wide);
        for (int worker = 0; worker < team_.size(); ++worker) {
            own_[worker].left = arena.take<const float*>(stretch_);
            own_[worker].packed = arena.take<float>(stretch_ * group + 2 * 16);
        }
        return arena.size();
    }

    void work(int worker) {
        const int size = team_.size();
        if (job_.grad_x) {
            const int only[1] = {0};
            const Range part = share(parts(job_.F, wide), worker, size);
            pack_columns<float>(job_.w, job_.F, only, 1, job_.K, K_, part.begin, part.end, w_);
        }
        int half = 0;
        for (Index r = 0; r < job_.R; r += stretch_, half = 1 - half) {
            const Index count = least(stretch_, job_.R - r);
            const Range rows = share(count, worker, size);
            derivatives(r, rows, da_[half]);
            team_.barrier();
            if (job_.grad_x) input_gradients(r, rows, da_[half], own_[worker]);
            weight_gradients(r, count, share(groups_, worker, size), da_[half], own_[worker]);
            const Range part = share(panels_, worker, size);
            add_sums<float>(count, da_[half], stride_, part.begin, part.end, r == 0, total_b_);
        }
        team_.barrier();
        const int only[1] = {0};
        const Range part = share(panels_, worker, size);
        write_weights<float>(total_w_, part.begin, part.end, only, job_.F, job_.K, panels_,
                             job_.grad_w);
        const Index end = least(job_.K, part.end * wide);
        for (Index k = part.begin * wide; k < end; ++k) job_.grad_b[k] = total_b_[k];
    }

    void derivatives(Index first, Range rows, float* da) const {
        const V one = V::all(1.0f);
        const Index K = job_.K;
        for (Index i = rows.begin; i < rows.end; ++i) {
            const float* dy = job_.grad_y + (first + i) * K;
            const float* y = job_.y + (first + i) * K;
            for (Index k = 0; k < panels_ * wide; k += W) {
                V d = load_part(dy + k, K - k);
                if (job_.activation == Activation::relu) {
                    d = V::where_positive(load_part(y + k, K - k), d);
                } else if (job_.activation == Activation::tanh) {
                    const V h = load_part(y + k, K - k);
                    d = d * V::fnma(h, h, one);
                }
                d.store(da + k / wide * stride_ + i * wide + k % wide);
            }
        }
    }

    void input_gradients(Index first, Range rows, const float* da, Own& own) const {
        const Index F = job_.F;
        for (Index i = rows.begin; i < rows.end; ++i) own.left[i - rows.begin] = da + i * wide;
        const Rows<float> left = K_ == job_.K && panels_ == 1
                                     ? Rows<float>::contiguous(own.left, K_)
                                     : Rows<float>{own.left, panels_, wide, stride_};
        float* const* to = job_.grad_x + first + rows.begin;
        product<2, float>(rows.end - rows.begin, left, w_, 0, parts(F, wide), FromZero<float>{},
                          [to, F](Index i, Index p, const float* sums) {
                              for (int v = 0; v < 2; ++v) {
                                  const Index c = p * wide + v * W;
                                  store_part(V::load(sums + v * W), to[i] + c, F - c);
                              }
                          });
    }

    void weight_gradients(Index first, Index count, Range groups, const float* da, Own& own) const {
        for (Index g = groups.begin; g < groups.end; ++g) {
            pack_groups<float>(job_.x + first, count, job_.F, g, g + 1, own.packed);
            for (Index p = 0; p < panels_; ++p)
                add_tile<float>(count, own.packed, da + p * stride_, first == 0,
                                total_w_ + (p * groups_ + g) * group * wide);
        }
    }
};

inline void dense_backward(const DenseBackward& job, Team& team) {
    DenseBackwardPass(job, team).run();
}

}  // namespace UNROLLED_ISA
}  // namespace unrolled
