//===- Compiler.cpp - C API of the compiler -------------------------------===//

#include "CompilerSupport.h"

#include "winnow/Dialect/WinnowDialect.h"

#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace llvm;
using namespace winnow;
using namespace winnow::capi;

static winnow_compiler_severity severityOf(mlir::DiagnosticSeverity severity) {
  switch (severity) {
  case mlir::DiagnosticSeverity::Note:
    return WINNOW_COMPILER_NOTE;
  case mlir::DiagnosticSeverity::Warning:
    return WINNOW_COMPILER_WARNING;
  case mlir::DiagnosticSeverity::Error:
    return WINNOW_COMPILER_ERROR;
  case mlir::DiagnosticSeverity::Remark:
    return WINNOW_COMPILER_REMARK;
  }
  llvm_unreachable("unknown severity");
}

//===----------------------------------------------------------------------===//
// Text out
//===----------------------------------------------------------------------===//

namespace {
/// A stream into a callback.
class WriteStream : public raw_ostream {
public:
  WriteStream(winnow_compiler_write write, void *context)
      : write(write), context(context) {
    SetBufferSize(1 << 16);
  }
  ~WriteStream() override { flush(); }

private:
  void write_impl(const char *data, size_t size) override {
    write(context, data, size);
    position += size;
  }
  uint64_t current_pos() const override { return position; }

  winnow_compiler_write write;
  void *context;
  uint64_t position = 0;
};
} // namespace

//===----------------------------------------------------------------------===//
// The functions
//===----------------------------------------------------------------------===//

const char *winnow_compiler_version(void) { return WINNOW_VERSION; }

uint32_t winnow_compiler_api_version(void) {
  return WINNOW_COMPILER_API_VERSION;
}

winnow_compiler_status winnow_compiler_load(
    const char *path, const winnow_compiler_load_options *options,
    winnow_compiler_model **model, winnow_compiler_error *error) {
  if (!path || !model)
    return refuse(error, "load: path and model must not be null");
  *model = nullptr;
  winnow_compiler_load_options given;
  if (!readOptions(options, given))
    return refuse(error, "load options: struct_size is not set");
  LoadOptions loadOptions;
  loadOptions.context = given.context;
  if (given.diagnostic)
    loadOptions.diagnostic = [given](mlir::DiagnosticSeverity severity,
                                     StringRef text) {
      given.diagnostic(given.diagnostic_context, severityOf(severity),
                       text.str().c_str());
    };
  Expected<std::unique_ptr<LoadedModel>> loaded =
      LoadedModel::load(path, loadOptions);
  if (!loaded)
    return report(error, loaded.takeError(), WINNOW_COMPILER_BAD_MODEL);
  *model = new winnow_compiler_model{std::move(*loaded)};
  return succeed(error);
}

void winnow_compiler_release(winnow_compiler_model *model) { delete model; }

winnow_compiler_status winnow_compiler_info(const winnow_compiler_model *model,
                                            winnow_compiler_model_info *info,
                                            winnow_compiler_error *error) {
  if (!model || !info)
    return refuse(error, "info: model and info must not be null");
  uint32_t size = info->struct_size;
  if (size < sizeof size)
    return refuse(error, "info: struct_size is not set");
  auto facts = model->loaded->getModule()->getAttrOfType<mlir::DictionaryAttr>(
      kModelAttr);
  // Strings of the context end with a null character.
  auto text = [&](StringRef key) {
    auto attr = facts ? facts.getAs<mlir::StringAttr>(key) : nullptr;
    return attr ? attr.getValue().data() : "";
  };
  auto number = [&](StringRef key) -> int64_t {
    auto attr = facts ? facts.getAs<mlir::IntegerAttr>(key) : nullptr;
    return attr && attr.getValue().isSignedIntN(64)
               ? attr.getValue().getSExtValue()
               : 0;
  };
  winnow_compiler_model_info found = {};
  found.struct_size = size;
  found.name = text("name");
  found.architecture = text("architecture");
  found.layers = number("layers");
  found.width = number("width");
  found.vocabulary = number("vocabulary");
  found.context = number("context");
  found.trained_context = number("trained_context");
  std::memcpy(info, &found, std::min<size_t>(size, sizeof found));
  return succeed(error);
}

winnow_compiler_status winnow_compiler_print(const winnow_compiler_model *model,
                                             winnow_compiler_write write,
                                             void *write_context,
                                             winnow_compiler_error *error) {
  if (!model || !write)
    return refuse(error, "print: model and write must not be null");
  WriteStream stream(write, write_context);
  model->loaded->getModule()->print(stream);
  return succeed(error);
}

winnow_compiler_status
winnow_compiler_tokenizer(const winnow_compiler_model *model,
                          winnow_compiler_write write, void *write_context,
                          winnow_compiler_error *error) {
  if (!model || !write)
    return refuse(error, "tokenizer: model and write must not be null");
  if (const auto &tokenizer = model->loaded->getTokenizer()) {
    WriteStream stream(write, write_context);
    stream << serialize(*tokenizer);
  }
  return succeed(error);
}

winnow_compiler_status
winnow_compiler_run_pipeline(winnow_compiler_model *model, const char *passes,
                             winnow_compiler_error *error) {
  if (!model || !passes)
    return refuse(error, "run_pipeline: model and passes must not be null");
  if (Error failure = model->loaded->runPipeline(passes))
    return report(error, std::move(failure), WINNOW_COMPILER_FAILED);
  return succeed(error);
}

winnow_compiler_status
winnow_compiler_compile(const winnow_compiler_model *model, const char *output,
                        const winnow_compiler_options *options,
                        winnow_compiler_error *error) {
  if (!model || !output)
    return refuse(error, "compile: model and output must not be null");
  winnow_compiler_options given;
  if (!readOptions(options, given))
    return refuse(error, "compile options: struct_size is not set");
  Expected<CompileOptions> read = readCompileOptions(given);
  if (!read)
    return report(error, read.takeError(), WINNOW_COMPILER_FAILED);
  if (Error failure = model->loaded->compile(output, *read))
    return report(error, std::move(failure), WINNOW_COMPILER_FAILED);
  return succeed(error);
}
