// The chain's kernels of one instruction set: compiled once for each, as kernels.cpp, and under the
// same rule. Functions of the C library, of double, are the library's own in every set.

#include "chain_kernels.h"

#include "crf.h"
#include "dense.h"
#include "dispatch.h"
#include "losses.h"
#include "optimizer.h"
#include "pooling.h"
#include "random.h"

namespace unrolled {

#define UNROLLED_CHAIN_(isa) chain_kernels_##isa
#define UNROLLED_CHAIN(isa) UNROLLED_CHAIN_(isa)

extern const ChainKernels UNROLLED_CHAIN(UNROLLED_ISA);
const ChainKernels UNROLLED_CHAIN(UNROLLED_ISA) = {
    UNROLLED_ISA::dense_forward, UNROLLED_ISA::dense_backward, UNROLLED_ISA::dense_packed_size,
    UNROLLED_ISA::dense_pack,    UNROLLED_ISA::drop,           UNROLLED_ISA::scale,
    UNROLLED_ISA::pool,          UNROLLED_ISA::pool_backward,  UNROLLED_ISA::losses,
    UNROLLED_ISA::crf,           UNROLLED_ISA::add_rows,       UNROLLED_ISA::sum_of_squares,
    UNROLLED_ISA::optimizer_step,
};

}  // namespace unrolled
