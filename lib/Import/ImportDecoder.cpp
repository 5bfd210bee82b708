//===- ImportDecoder.cpp - From a configuration to a module ---------------===//

#include "ImportDecoder.h"

#include "DecoderBuilder.h"
#include "ParamTable.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace winnow;

void winnow::loadImportDialects(MLIRContext &context) {
  context.loadDialect<WinnowDialect, arith::ArithDialect, func::FuncDialect,
                      linalg::LinalgDialect, math::MathDialect,
                      tensor::TensorDialect>();
}

/// The facts about the model that users and the runtime want to know.
static DictionaryAttr
buildModelAttr(Builder &builder, const ModelConfig &config, int64_t context) {
  auto number = [&](int64_t value) { return builder.getI64IntegerAttr(value); };
  return builder.getDictionaryAttr({
      builder.getNamedAttr("architecture",
                           builder.getStringAttr(config.architecture)),
      builder.getNamedAttr("name", builder.getStringAttr(config.name)),
      builder.getNamedAttr("context", number(context)),
      builder.getNamedAttr("trained_context", number(config.context)),
      builder.getNamedAttr("layers", number(config.layers.size())),
      builder.getNamedAttr("width", number(config.width)),
      builder.getNamedAttr("vocabulary", number(config.vocabulary)),
  });
}

llvm::Expected<OwningOpRef<ModuleOp>>
winnow::importDecoder(MLIRContext *context, const Checkpoint &checkpoint,
                      const Family &family, const Naming &naming,
                      const ModelConfig &config, int64_t tokens) {
  Builder builder(context);
  OwningOpRef<ModuleOp> module(ModuleOp::create(
      NameLoc::get(builder.getStringAttr(config.architecture))));
  tokens = std::min(tokens, config.context);
  (*module)->setAttr(kModelAttr, buildModelAttr(builder, config, tokens));
  if (llvm::Error error =
          declareParams(*module, checkpoint, family, naming, config))
    return std::move(error);
  buildDecoder(*module, config, tokens);
  return module;
}

FailureOr<ImportedModel> winnow::finishImport(
    MLIRContext *context, const ImportOptions &options,
    llvm::function_ref<llvm::Expected<ImportedModel>()> import) {
  loadImportDialects(*context);
  if (options.context < 1)
    return emitError(UnknownLoc::get(context),
                     "the context expects at least one token, found " +
                         Twine(options.context));
  llvm::Expected<ImportedModel> model = import();
  if (!model)
    return emitError(UnknownLoc::get(context),
                     llvm::toString(model.takeError()));
  if (failed(verify(*model->module)))
    return failure();
  return std::move(*model);
}
