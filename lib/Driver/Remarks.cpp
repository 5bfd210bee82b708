//===- Remarks.cpp - What passes decided, and why -------------------------===//

#include "Remarks.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Remark/RemarkStreamer.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Process.h"

#include <map>
#include <mutex>

using namespace llvm;
using mlir::remark::detail::MLIRRemarkStreamerBase;
using mlir::remark::detail::Remark;

namespace winnow {

/// What a pass wrote into a remark.
static std::string textOf(const Remark &remark) {
  std::string text;
  for (const Remark::Arg &argument : remark.getArgs())
    text += argument.val;
  return text;
}

/// Keeps decisions and hands every remark on.
class Remarks::Streamer : public MLIRRemarkStreamerBase {
public:
  Streamer(std::vector<Decision> &decisions, StringSet<> recipe,
           std::unique_ptr<MLIRRemarkStreamerBase> file)
      : decisions(decisions), recipe(std::move(recipe)), file(std::move(file)) {
  }

  void streamOptimizationRemark(const Remark &remark) override {
    // Function passes run on several threads.
    std::lock_guard lock(mutex);
    if (file)
      file->streamOptimizationRemark(remark);
    std::string pass = remark.getCategoryName().str();
    if (remark.getRemarkType() == remarks::Type::Passed &&
        recipe.contains("winnow-" + pass))
      decisions.push_back({pass, remark.getRemarkName().str(), textOf(remark),
                           remark.getFunction().str()});
  }
  void finalize() override {
    if (file)
      file->finalize();
  }

private:
  std::mutex mutex;
  std::vector<Decision> &decisions;
  StringSet<> recipe;
  std::unique_ptr<MLIRRemarkStreamerBase> file;
};

Expected<std::unique_ptr<Remarks>>
Remarks::open(mlir::MLIRContext &context, StringRef path, StringSet<> recipe) {
  std::unique_ptr<Remarks> result(new Remarks(context));
  // Without a listener passes need not write anything.
  if (path.empty() && recipe.empty())
    return result;
  std::unique_ptr<MLIRRemarkStreamerBase> file;
  if (!path.empty()) {
    // Upstream reports a path that cannot be written in many words.
    int descriptor;
    if (std::error_code code = sys::fs::openFileForWrite(path, descriptor))
      return createStringError(code, "'" + path + "': " + code.message());
    (void)sys::Process::SafelyCloseFileDescriptor(descriptor);
    mlir::FailureOr<std::unique_ptr<MLIRRemarkStreamerBase>> streamer =
        mlir::remark::detail::LLVMRemarkStreamer::createToFile(
            path, remarks::Format::YAML);
    if (mlir::failed(streamer))
      return createStringError("'" + path + "': cannot be written");
    file = std::move(*streamer);
  }
  mlir::remark::RemarkCategories everything;
  everything.passed = everything.missed = everything.analysis =
      everything.failed = ".*";
  if (mlir::failed(mlir::remark::enableOptimizationRemarks(
          context,
          std::make_unique<Streamer>(result->decisions, std::move(recipe),
                                     std::move(file)),
          std::make_unique<mlir::remark::RemarkEmittingPolicyAll>(),
          everything)))
    return createStringError("remarks cannot be taken");
  return result;
}

Remarks::~Remarks() { context.setRemarkEngine(nullptr); }

std::vector<Decision> Remarks::getDecisions() const {
  // Functions may have been worked on in any order, but on each of them the
  // passes came one after the other.
  MapVector<StringRef, std::map<StringRef, std::vector<const Decision *>>>
      ordered;
  for (const Decision &decision : decisions)
    ordered[decision.pass][decision.function].push_back(&decision);
  std::vector<Decision> result;
  for (auto &[pass, functions] : ordered)
    for (auto &[function, made] : functions)
      for (const Decision *decision : made)
        result.push_back(*decision);
  return result;
}

} // namespace winnow
