//===- MixedPrecision.cpp - A number format for each matrix ---------------===//

#include "FormatAllocation.h"
#include "FormatErrors.h"
#include "NamePattern.h"

#include "winnow/Analysis/Services.h"
#include "winnow/Analysis/WeightPlanner.h"
#include "winnow/Compress/Passes.h"
#include "winnow/Formats/Encode.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using llvm::formatv;

namespace winnow {
#define GEN_PASS_DEF_WINNOWMIXEDPRECISION
#include "winnow/Compress/Passes.h.inc"
} // namespace winnow

using namespace winnow;

namespace {

/// A size: a share of another one, or bytes.
struct SizeOption {
  bool isShare = false;
  double number = 0;

  static std::optional<SizeOption> parse(StringRef text);
  uint64_t of(uint64_t whole) const {
    return static_cast<uint64_t>(std::floor(
        isShare ? number / 100 * static_cast<double>(whole) : number));
  }
};

/// What a weight could become.
struct FormatChoice {
  /// Null: it stays as it is.
  const NumberFormat *target = nullptr;
  /// What its numbers are then.
  const NumberFormat *format = nullptr;
  /// The tensor of the file.
  PlannedWeight planned;
  double error = 0;
};

/// A weight that may change.
struct Candidate {
  MatrixParam matrix;
  std::vector<FormatChoice> options;
  /// Its place in the file.
  size_t place = 0;
};

struct MixedPrecision
    : public winnow::impl::WinnowMixedPrecisionBase<MixedPrecision> {
  using WinnowMixedPrecisionBase::WinnowMixedPrecisionBase;

  void runOnOperation() override;

private:
  LogicalResult verifyOptions();
  LogicalResult collect();
  void addOptions(Candidate &candidate);
  LogicalResult plan();
  LogicalResult measure();
  LogicalResult allocate();
  void write();
  void remarkOn(Candidate &candidate, unsigned chosen);

  SizeOption budget;
  /// Null stands for keep.
  SmallVector<const NumberFormat *> targets;
  std::vector<Candidate> candidates;
  /// The file as it would be without this pass.
  std::vector<PlannedWeight> weights;
  uint64_t allowed = 0;
  FormatAllocation allocation;
};

} // namespace

std::optional<SizeOption> SizeOption::parse(StringRef text) {
  SizeOption size;
  StringRef number =
      text.take_while([](char c) { return llvm::isDigit(c) || c == '.'; });
  StringRef unit = text.drop_front(number.size());
  double factor = llvm::StringSwitch<double>(unit)
                      .Cases({"%", "", "B"}, 1)
                      .Case("KB", 1e3)
                      .Case("MB", 1e6)
                      .Case("GB", 1e9)
                      .Default(0);
  if (factor == 0 || number.getAsDouble(size.number) || size.number <= 0)
    return std::nullopt;
  size.isShare = unit == "%";
  size.number *= factor;
  if (size.number > (size.isShare ? 100 : 1e18))
    return std::nullopt;
  return size;
}

//===----------------------------------------------------------------------===//
// What there is to choose
//===----------------------------------------------------------------------===//

LogicalResult MixedPrecision::verifyOptions() {
  Location location = getOperation().getLoc();
  std::optional<SizeOption> parsed = SizeOption::parse(size);
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
  for (const std::string &name : formats) {
    const NumberFormat *format = lookupFormat(name);
    if (name != "keep" && (!format || !canEncodeWeights(*format)))
      return emitError(location)
             << "expects 'formats' of winnow-mixed-precision to be some of "
                "keep, "
             << llvm::join(encodableFormats(), ", ") << "; found '" << name
             << "'";
    targets.push_back(name == "keep" ? nullptr : format);
  }
  return success();
}

/// What a matrix may become, each format once.
void MixedPrecision::addOptions(Candidate &candidate) {
  auto type = cast<RankedTensorType>(candidate.matrix.getRead().getType());
  const NumberFormat *present = formatOf(type);
  auto add = [&](const NumberFormat *target) {
    const NumberFormat *format = target ? target : present;
    if (llvm::none_of(candidate.options, [&](const FormatChoice &option) {
          return option.format == format;
        }))
      candidate.options.push_back(
          {format == present ? nullptr : format, format, {}, 0});
  };
  for (const NumberFormat *target : targets) {
    const NumberFormat *fitting =
        target ? findFittingFormat(target, type.getShape().back()) : nullptr;
    if (fitting || !target)
      add(fitting);
  }
  if (candidate.options.empty())
    add(nullptr);
}

LogicalResult MixedPrecision::collect() {
  Location location = getOperation().getLoc();
  NamePattern onlyNames(only), skipNames(skip);
  if (failed(onlyNames.verify(location, "only")) ||
      failed(skipNames.verify(location, "skip")))
    return failure();
  for (MatrixParam &matrix : MatrixParam::collect(getOperation())) {
    SmallVector<StringRef> names = matrix.getNames();
    if (!matrix.isMatrix() || !onlyNames.matches(names, true) ||
        skipNames.matches(names, false))
      continue;
    candidates.push_back({matrix, {}, 0});
    addOptions(candidates.back());
  }
  if (candidates.empty())
    return emitError(location) << "has no matrix whose name matches 'only' and "
                                  "'skip' of winnow-mixed-precision";
  return success();
}

/// Changes a matrix as winnow-quantize-weights does.
static void apply(MatrixParam &matrix, const NumberFormat &target) {
  matrix.decode();
  if (formatOf(matrix.getRead().getType()) != &target)
    matrix.encode(target);
}

/// The bytes of each option: the program is laid out once for each target.
LogicalResult MixedPrecision::plan() {
  ModuleOp module = getOperation();
  WeightPlanner *planner = getServices(module).planner;
  if (!planner)
    return emitError(module.getLoc())
           << "'size' of winnow-mixed-precision is that of an artifact's "
              "weights, which only winnow-compile and the libraries know";
  auto fail = [&](llvm::Error error) {
    return emitError(module.getLoc())
           << "winnow-mixed-precision cannot tell the size of the weights: "
           << llvm::toString(std::move(error));
  };
  if (llvm::Error error = planner->plan(module).moveInto(weights))
    return fail(std::move(error));
  llvm::StringMap<size_t> places;
  for (auto [place, weight] : llvm::enumerate(weights))
    places[weight.name] = place;
  llvm::SetVector<const NumberFormat *> distinct;
  for (Candidate &candidate : candidates) {
    candidate.place = places.lookup(candidate.matrix.getParam().getSymName());
    for (FormatChoice &option : candidate.options) {
      option.planned = weights[candidate.place];
      if (option.target)
        distinct.insert(option.target);
    }
  }
  for (const NumberFormat *target : distinct) {
    OwningOpRef<ModuleOp> copy = module.clone();
    llvm::StringMap<FormatChoice *> changed;
    for (Candidate &candidate : candidates)
      for (FormatChoice &option : candidate.options)
        if (option.target == target)
          changed[candidate.matrix.getParam().getSymName()] = &option;
    for (MatrixParam &matrix : MatrixParam::collect(*copy))
      if (changed.contains(matrix.getParam().getSymName()))
        apply(matrix, *target);
    std::vector<PlannedWeight> planned;
    if (llvm::Error error = planner->plan(*copy).moveInto(planned))
      return fail(std::move(error));
    for (PlannedWeight &weight : planned)
      if (FormatChoice *option = changed.lookup(weight.name))
        option->planned = std::move(weight);
  }
  llvm::Expected<uint64_t> whole = planner->getFileSize(weights);
  if (!whole)
    return fail(whole.takeError());
  allowed = budget.of(*whole);
  return success();
}

LogicalResult MixedPrecision::measure() {
  FormatErrors errors(getOperation());
  for (Candidate &candidate : candidates) {
    auto all =
        llvm::map_to_vector(candidate.options, [](const FormatChoice &option) {
          return option.format;
        });
    FailureOr<SmallVector<double>> found =
        errors.measure(candidate.matrix, all);
    if (failed(found))
      return failure();
    for (auto [option, error] : llvm::zip_equal(candidate.options, *found))
      option.error = error;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// The choice
//===----------------------------------------------------------------------===//

LogicalResult MixedPrecision::allocate() {
  ModuleOp module = getOperation();
  WeightPlanner *planner = getServices(module).planner;
  std::vector<PlannedWeight> file = weights;
  std::string failed;
  auto sizeOf = [&](ArrayRef<unsigned> chosen) -> uint64_t {
    for (auto [candidate, option] : llvm::zip_equal(candidates, chosen))
      file[candidate.place] = candidate.options[option].planned;
    llvm::Expected<uint64_t> size = planner->getFileSize(file);
    if (size)
      return *size;
    failed = llvm::toString(size.takeError());
    return 0;
  };
  auto choices = llvm::map_to_vector(candidates, [](const Candidate &one) {
    return SmallVector<FormatOption>(
        llvm::map_range(one.options, [](const FormatChoice &option) {
          return FormatOption{option.planned.bytes, option.error};
        }));
  });
  allocation = allocateFormats(choices, allowed, sizeOf);
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

void MixedPrecision::remarkOn(Candidate &candidate, unsigned chosen) {
  ParamOp param = candidate.matrix.getParam();
  auto options =
      remark::RemarkOpts::name(param.getSymName()).category("mixed-precision");
  const FormatChoice &taken = candidate.options[chosen];
  const FormatChoice *best = &*llvm::min_element(
      candidate.options, [](const FormatChoice &a, const FormatChoice &b) {
        return std::tie(a.error, a.planned.bytes) <
               std::tie(b.error, b.planned.bytes);
      });
  for (const FormatChoice &option : candidate.options)
    remark::analysis(param.getLoc(), options)
        << formatv("{0}: error {1:e6}, {2} bytes", option.format->name,
                   option.error, option.planned.bytes)
               .str();
  std::string why = "the least error";
  if (&taken != best && best->planned.bytes > taken.planned.bytes)
    why = formatv("{0:e3} more error a byte than {1}, where {2:e3} was the "
                  "most that had to be paid",
                  (taken.error - best->error) /
                      double(best->planned.bytes - taken.planned.bytes),
                  best->format->name, allocation.price)
              .str();
  std::string what = formatv("error {0:e6}, {1} bytes: {2}", taken.error,
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
       llvm::zip_equal(candidates, allocation.chosen)) {
    ++numSeen;
    remarkOn(candidate, chosen);
    const FormatChoice &option = candidate.options[chosen];
    sum += option.error;
    if (!option.target)
      continue;
    ++numEncoded;
    apply(candidate.matrix, *option.target);
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
  if (failed(collect()) || failed(plan()) || failed(measure()) ||
      failed(allocate()))
    return signalPassFailure();
  write();
}
