//===- ExpectedTime.cpp - What a changed model should take ----------------===//

#include "winnow/Compress/ExpectedTime.h"

#include "../FormatChoices.h"
#include "PhaseShares.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace winnow {

namespace {

struct Matrix {
  double elements = 0;
  const NumberFormat *format = nullptr;
};

/// The matrices of a program, by the names of their params.
using Matrices = llvm::MapVector<StringRef, Matrix>;

/// A program and what its parts take, by the format of all its matrices.
class TimedProgram {
public:
  TimedProgram(ModuleOp module, Evaluator &evaluator);

  const Matrices &getMatrices() const { return matrices; }
  ArrayRef<SmallVector<StringRef>> getLayers() const { return layers; }

  std::vector<PhaseShares> divide(const RunTime &time) const;
  llvm::Expected<std::vector<PhaseShares>> measure(const NumberFormat &format);

private:
  ModuleOp module;
  Evaluator &evaluator;
  Matrices matrices;
  /// The params of each layer, and the layer of each param.
  SmallVector<SmallVector<StringRef>> layers;
  llvm::StringMap<int> layerOf;
};

} // namespace

static Matrices collectMatrices(ModuleOp module) {
  Matrices matrices;
  for (const MatrixParam &matrix : MatrixParam::collect(module))
    if (matrix.isMatrix()) {
      auto type = cast<RankedTensorType>(matrix.getRead().getType());
      matrices[ParamOp(matrix.getParam()).getSymName()] = {
          static_cast<double>(type.getNumElements()), formatOf(type)};
    }
  return matrices;
}

TimedProgram::TimedProgram(ModuleOp module, Evaluator &evaluator)
    : module(module), evaluator(evaluator), matrices(collectMatrices(module)) {
  module.walk([&](LayerOp layer) {
    SmallVector<StringRef> &params = layers.emplace_back();
    layer.walk([&](ParamRefOp use) {
      if (layerOf.try_emplace(use.getParam(), layers.size() - 1).second)
        params.push_back(use.getParam());
    });
  });
}

std::vector<PhaseShares> TimedProgram::divide(const RunTime &time) const {
  std::vector<PhaseShares> shares;
  for (const PhaseTime &phase : time)
    shares.push_back(PhaseShares::divide(
        phase, [&](StringRef param) { return matrices.lookup(param).elements; },
        [&](StringRef param) {
          auto known = layerOf.find(param);
          return known == layerOf.end() ? -1 : known->second;
        }));
  return shares;
}

/// Runs the program with all matrices that can be in a format.
llvm::Expected<std::vector<PhaseShares>>
TimedProgram::measure(const NumberFormat &format) {
  OwningOpRef<ModuleOp> changed = module.clone();
  for (MatrixParam &matrix : MatrixParam::collect(*changed)) {
    if (!matrix.isMatrix())
      continue;
    auto type = cast<RankedTensorType>(matrix.getRead().getType());
    if (findFittingFormat(&format, type.getShape().back()) == &format)
      changeFormat(matrix, format);
  }
  llvm::Expected<RunTime> time = evaluator.time(*changed);
  if (!time)
    return time.takeError();
  return divide(*time);
}

/// Whether how much of the program runs depends on its inputs.
static bool skipsWork(ModuleOp module) {
  return module
      .walk([](Operation *op) {
        return isa<TokenSelectOp, TokenMatchOp, TokenChangeOp>(op)
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

/// What a matrix that there was not should take: as long as the others, by
/// their bytes.
static double scaleOthers(const PhaseShares &shares, const Matrices &others,
                          const Matrix &matrix) {
  auto bytesOf = [](const Matrix &one) {
    return one.elements * one.format->bitsPerWeight() / 8;
  };
  double seconds = 0, bytes = 0;
  for (const auto &[name, other] : others) {
    seconds += shares.matrices.lookup(name);
    bytes += bytesOf(other);
  }
  return bytes > 0 ? seconds * bytesOf(matrix) / bytes : 0;
}

llvm::Expected<std::optional<std::vector<double>>>
expectSeconds(ModuleOp before, const RunTime &timeBefore, ModuleOp after,
              Evaluator &evaluator) {
  if (skipsWork(after))
    return std::nullopt;
  TimedProgram program(before, evaluator);
  const Matrices &known = program.getMatrices();
  std::vector<PhaseShares> sharesBefore = program.divide(timeBefore);
  llvm::DenseMap<const NumberFormat *, std::vector<PhaseShares>> measured;
  Matrices matrices = collectMatrices(after);
  for (const auto &[name, matrix] : matrices) {
    const auto *same = known.find(name);
    if (same == known.end() || same->second.format == matrix.format ||
        measured.contains(matrix.format))
      continue;
    auto shares = program.measure(*matrix.format);
    if (!shares)
      return shares.takeError();
    measured[matrix.format] = std::move(*shares);
  }

  llvm::StringSet<> params;
  for (auto param : after.getOps<ParamOp>())
    params.insert(param.getSymName());
  std::vector<double> seconds;
  for (auto [phase, time] : llvm::enumerate(timeBefore)) {
    const PhaseShares &was = sharesBefore[phase];
    double sum = time.seconds;
    for (const auto &entry : was.matrices)
      sum -= entry.second;
    for (auto [number, spent] : was.layers)
      if (number >= 0 &&
          llvm::none_of(program.getLayers()[number], [&](StringRef param) {
            return params.contains(param);
          }))
        sum -= spent;
    for (const auto &[name, matrix] : matrices) {
      const auto *same = known.find(name);
      if (same == known.end()) {
        sum += scaleOthers(was, known, matrix);
        continue;
      }
      const PhaseShares &shares =
          same->second.format == matrix.format
              ? was
              : measured.find(matrix.format)->second[phase];
      sum += shares.matrices.lookup(name) * matrix.elements /
             same->second.elements;
    }
    seconds.push_back(sum);
  }
  return seconds;
}

} // namespace winnow
