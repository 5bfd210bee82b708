//===- MixedPrecision.cpp - A number format for each matrix ---------------===//

#include "FormatAllocation.h"
#include "FormatChoices.h"

#include "winnow/Analysis/Services.h"
#include "winnow/Compress/Budget.h"
#include "winnow/Compress/Passes.h"
#include "winnow/Formats/Encode.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::formatv;

namespace winnow {
#define GEN_PASS_DEF_WINNOWMIXEDPRECISION
#include "winnow/Compress/Passes.h.inc"
} // namespace winnow

using namespace winnow;

namespace {

struct MixedPrecision
    : public winnow::impl::WinnowMixedPrecisionBase<MixedPrecision> {
  using WinnowMixedPrecisionBase::WinnowMixedPrecisionBase;

  void runOnOperation() override;

private:
  LogicalResult verifyOptions();
  LogicalResult allocate();
  void write();
  void remarkOn(ChoosableWeight &weight, unsigned chosen);

  SizeLimit budget;
  /// Null stands for keep.
  SmallVector<const NumberFormat *> targets;
  std::optional<FormatChoices> choices;
  uint64_t allowed = 0;
  FormatAllocation allocation;
};

} // namespace

//===----------------------------------------------------------------------===//
// What there is to choose
//===----------------------------------------------------------------------===//

LogicalResult MixedPrecision::verifyOptions() {
  Location location = getOperation().getLoc();
  std::optional<SizeLimit> parsed = SizeLimit::parse(size);
  if (!parsed)
    return emitError(location)
           << "expects 'size' of winnow-mixed-precision to be a share of at "
              "most 100%, or bytes, KB, MB or GB; found '"
           << size << "'";
  budget = *parsed;
  if (formats.empty())
    return emitError(location)
           << "expects 'formats' of winnow-mixed-precision: some of keep, "
           << llvm::join(encodableFormats(), ", ");
  std::string unknown;
  auto found = parseFormats(llvm::to_vector(formats), unknown);
  if (!found)
    return emitError(location)
           << "expects 'formats' of winnow-mixed-precision to be some of "
              "keep, "
           << llvm::join(encodableFormats(), ", ") << "; found '" << unknown
           << "'";
  targets = std::move(*found);
  if (method != "rtn" && method != "gptq")
    return emitError(location) << "expects 'method' of winnow-mixed-precision "
                                  "to be rtn or gptq; found '"
                               << method << "'";
  return success();
}

//===----------------------------------------------------------------------===//
// The choice
//===----------------------------------------------------------------------===//

LogicalResult MixedPrecision::allocate() {
  ModuleOp module = getOperation();
  WeightPlanner *planner = getServices(module).planner;
  std::vector<PlannedWeight> file = choices->getFile();
  std::string failed;
  auto getSize = [&]() -> uint64_t {
    llvm::Expected<uint64_t> size = planner->getFileSize(file);
    if (size)
      return *size;
    failed = llvm::toString(size.takeError());
    return 0;
  };
  allowed = budget.of(getSize());
  auto sizeOf = [&](ArrayRef<unsigned> chosen) {
    for (auto [weight, option] : llvm::zip_equal(choices->getWeights(), chosen))
      file[weight.place] = weight.options[option].planned;
    return getSize();
  };
  auto options = llvm::map_to_vector(
      choices->getWeights(), [](const ChoosableWeight &weight) {
        return SmallVector<FormatOption>(
            llvm::map_range(weight.options, [](const FormatChoice &option) {
              return FormatOption{option.planned.bytes, option.leastError()};
            }));
      });
  allocation = allocateFormats(options, allowed, sizeOf);
  if (!failed.empty())
    return emitError(module.getLoc()) << failed;
  if (allocation.size > allowed)
    return emitError(module.getLoc())
           << "cannot have weights of " << allowed
           << " bytes, as 'size' of winnow-mixed-precision says: the least "
              "that its formats allow are "
           << allocation.size;
  return success();
}

void MixedPrecision::remarkOn(ChoosableWeight &candidate, unsigned chosen) {
  ParamOp param = candidate.matrix.getParam();
  auto options =
      remark::RemarkOpts::name(param.getSymName()).category("mixed-precision");
  const FormatChoice &taken = candidate.options[chosen];
  const FormatChoice *best = &*llvm::min_element(
      candidate.options, [](const FormatChoice &a, const FormatChoice &b) {
        return std::make_tuple(a.leastError(), a.planned.bytes) <
               std::make_tuple(b.leastError(), b.planned.bytes);
      });
  for (const FormatChoice &option : candidate.options)
    remark::analysis(param.getLoc(), options)
        << formatv("{0}: error {1:e6}, {2} bytes", option.format->name,
                   option.leastError(), option.planned.bytes)
               .str();
  std::string why = "the least error";
  if (&taken != best && best->planned.bytes > taken.planned.bytes)
    why = formatv("{0:e3} more error a byte than {1}, where {2:e3} was the "
                  "most that had to be paid",
                  (taken.leastError() - best->leastError()) /
                      double(best->planned.bytes - taken.planned.bytes),
                  best->format->name, allocation.price)
              .str();
  std::string what = formatv("error {0:e6}, {1} bytes: {2}", taken.leastError(),
                             taken.planned.bytes, why)
                         .str();
  StringRef before = formatOf(candidate.matrix.getRead().getType())->name;
  if (taken.target)
    remark::passed(param.getLoc(), options)
        << formatv("{0} becomes {1}, {2}", before, taken.format->name, what)
               .str();
  else
    remark::missed(param.getLoc(), options)
        << formatv("stays {0}, {1}", before, what).str();
}

void MixedPrecision::write() {
  double sum = 0;
  for (auto [candidate, chosen] :
       llvm::zip_equal(choices->getWeights(), allocation.chosen)) {
    ++numSeen;
    remarkOn(candidate, chosen);
    const FormatChoice &option = candidate.options[chosen];
    sum += option.leastError();
    if (!option.target)
      continue;
    ++numEncoded;
    changeFormat(candidate.matrix, *option.target, option.isFitted());
  }
  remark::analysis(
      getOperation().getLoc(),
      remark::RemarkOpts::name("weights").category("mixed-precision"))
      << formatv("{0} bytes, {1} allowed; the errors sum up to {2:e6}, and no "
                 "choice makes less by more than {3:e6}",
                 allocation.size, allowed, sum, allocation.bound)
             .str();
}

void MixedPrecision::runOnOperation() {
  if (failed(verifyOptions()))
    return signalPassFailure();
  bool keepsAll =
      llvm::all_of(targets, [](const NumberFormat *target) { return !target; });
  // Whatever there is may stay.
  if (keepsAll && budget.isShare && budget.number == 100)
    return markAllAnalysesPreserved();
  choices.emplace(getOperation(), "winnow-mixed-precision");
  if (failed(choices->collect(targets, only, skip)) ||
      failed(choices->plan()) ||
      failed(choices->measure(/*fits=*/method == "gptq")) || failed(allocate()))
    return signalPassFailure();
  write();
}
