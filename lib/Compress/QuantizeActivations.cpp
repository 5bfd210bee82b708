//===- QuantizeActivations.cpp - Round inputs of linear layers ------------===//
//
// The codes of most weight formats are small integers, so a dot product with
// 8-bit activations runs on integers at several times the speed of floats; one
// of bf16 weights and activations runs at twice that speed. The rounding is a
// visible op in front of the layer; this pass decides where it stands, the
// kernels only follow the types.
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

/// The format of activations whose product with `weight` is fast; empty where
/// only f32 is at hand.
static StringRef activationFormat(RankedTensorType weight) {
  EncodingAttr encoding = getEncoding(weight);
  const NumberFormat *format =
      encoding ? lookupFormat(encoding.getFormat()) : nullptr;
  if (!format)
    return "";
  if (format->dotClass() == DotClass::Float)
    return format->codeMap.floatType == StoredType::BF16 ? "bf16" : "";
  return weight.getDimSize(1) % kBlock == 0 ? "a8_b32" : "";
}

static StringRef explain(StringRef format) {
  return format == "bf16"
             ? "inputs rounded to bf16; error at most 1/256 of each"
             : "inputs rounded to 8 bits, one scale for 32 "
               "channels; error at most 1/254 of the largest of "
               "them";
}

namespace {

struct QuantizeActivations
    : public winnow::impl::WinnowQuantizeActivationsBase<QuantizeActivations> {
  using WinnowQuantizeActivationsBase::WinnowQuantizeActivationsBase;

  void runOnOperation() override {
    if (!enabled)
      return;
    // One recode serves all layers of a block that read the same value.
    DenseMap<std::tuple<Block *, Value, StringRef>, Value> recoded;
    getOperation().walk([&](LinearOp linear) {
      ++numSeen;
      Value input = linear.getInput();
      if (getEncoding(input.getType()))
        return;
      StringRef format = activationFormat(linear.getWeight().getType());
      if (format.empty()) {
        ++numFloat;
        return;
      }
      Value &shared = recoded[{linear->getBlock(), input, format}];
      if (!shared) {
        OpBuilder builder(linear);
        auto type =
            withEncoding(cast<RankedTensorType>(input.getType()),
                         EncodingAttr::get(&getContext(), format, "rows"));
        shared = RecodeOp::create(builder, linear.getLoc(), type, input);
        remark::passed(linear.getLoc(), remark::RemarkOpts::name(format)
                                            .category("quantize-activations")
                                            .function(getOperation().getName()))
            << explain(format);
      }
      linear.getInputMutable().assign(shared);
      ++numChanged;
    });
  }
};

} // namespace
