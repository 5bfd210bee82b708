//===- QuantizeActivations.cpp - Round inputs of linear layers to 8 bits --===//
//
// The codes of most weight formats are small integers, so a dot product with
// 8-bit activations runs on integers at several times
// the speed of floats. The rounding is a visible op in front of the layer; this
// pass decides where it stands, the kernels only follow the types.
//
//===----------------------------------------------------------------------===//

#include "winnow/Compress/Passes.h"
#include "winnow/Formats/NumberFormat.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace winnow {
#define GEN_PASS_DEF_WINNOWQUANTIZEACTIVATIONS
#include "winnow/Compress/Passes.h.inc"
} // namespace winnow

using namespace winnow;

/// Channels that share one scale.
static constexpr int64_t kBlock = 32;

/// Whether a product of `weight` and 8-bit activations runs on integers.
static bool hasIntegerDot(RankedTensorType weight) {
  EncodingAttr encoding = getEncoding(weight);
  const NumberFormat *format =
      encoding ? lookupFormat(encoding.getFormat()) : nullptr;
  return format && format->dotClass() != DotClass::Float &&
         weight.getDimSize(1) % kBlock == 0;
}

namespace {

struct QuantizeActivations
    : public winnow::impl::WinnowQuantizeActivationsBase<QuantizeActivations> {
  using WinnowQuantizeActivationsBase::WinnowQuantizeActivationsBase;

  void runOnOperation() override {
    if (!enabled)
      return;
    // One recode serves all layers of a block that read the same value.
    DenseMap<std::pair<Block *, Value>, Value> recoded;
    getOperation().walk([&](LinearOp linear) {
      ++numSeen;
      Value input = linear.getInput();
      if (getEncoding(input.getType()))
        return;
      if (!hasIntegerDot(linear.getWeight().getType())) {
        ++numFloat;
        return;
      }
      Value &shared = recoded[{linear->getBlock(), input}];
      if (!shared) {
        OpBuilder builder(linear);
        auto type =
            withEncoding(cast<RankedTensorType>(input.getType()),
                         EncodingAttr::get(&getContext(), "a8_b32", "rows"));
        shared = RecodeOp::create(builder, linear.getLoc(), type, input);
        remark::passed(linear.getLoc(), remark::RemarkOpts::name("a8_b32")
                                            .category("quantize-activations")
                                            .function(getOperation().getName()))
            << "inputs rounded to 8 bits, one scale for 32 channels; error at "
               "most 1/254 of the largest of them";
      }
      linear.getInputMutable().assign(shared);
      ++numChanged;
    });
  }
};

} // namespace
