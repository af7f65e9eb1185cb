#include "nnue/kernels.h"
namespace zerofleet::nnue {
extern const Kernels kAvx2Kernels[2];
extern const Kernels kAvx512Kernels[2];
const Kernels kAvx2Kernels[2] = {};
const Kernels kAvx512Kernels[2] = {};
}  // namespace zerofleet::nnue
