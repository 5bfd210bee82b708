//===- Descriptor.cpp - What the runtime reads of an artifact -------------===//
//
// Mirrors the structs of Runtime/Call.h as LLVM constants. The structs there
// hold fields in order without packing, so equal field types give equal
// layouts.
//
//===----------------------------------------------------------------------===//

#include "Descriptor.h"

#include "winnow/Artifact.h"
#include "winnow/Codegen/Cpu/CacheFormat.h"
#include "winnow/Conversion/Passes.h"
#include "winnow/Runtime/Call.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"

using namespace llvm;

namespace winnow {

namespace {

/// Makes constants in one LLVM module.
class ConstantWriter {
public:
  explicit ConstantWriter(Module &module)
      : module(module), context(module.getContext()),
        pointer(PointerType::getUnqual(context)) {}

  Constant *i32(int64_t value) {
    return ConstantInt::getSigned(Type::getInt32Ty(context), value);
  }
  Constant *i64(int64_t value) {
    return ConstantInt::getSigned(Type::getInt64Ty(context), value);
  }
  Constant *null() { return ConstantPointerNull::get(pointer); }

  Constant *string(StringRef text) {
    return global(ConstantDataArray::getString(context, text));
  }
  Constant *record(ArrayRef<Constant *> fields) {
    return ConstantStruct::getAnon(context, fields);
  }
  /// The address of an array of equal constants; null if there are none.
  Constant *array(ArrayRef<Constant *> elements) {
    if (elements.empty())
      return null();
    return global(ConstantArray::get(
        ArrayType::get(elements[0]->getType(), elements.size()), elements));
  }
  Constant *arrayOf(ArrayRef<int64_t> values) {
    SmallVector<Constant *> elements;
    for (int64_t value : values)
      elements.push_back(i64(value));
    return array(elements);
  }

private:
  Constant *global(Constant *value) {
    return new GlobalVariable(module, value->getType(), /*isConstant=*/true,
                              GlobalValue::PrivateLinkage, value);
  }

  Module &module;
  LLVMContext &context;
  PointerType *pointer;
};

} // namespace

static Constant *tensorInfo(ConstantWriter &writer,
                            mlir::DictionaryAttr tensor) {
  ArrayRef<int64_t> shape =
      tensor.getAs<mlir::DenseI64ArrayAttr>("shape").asArrayRef();
  SmallVector<Constant *> sizes;
  for (int64_t size : shape)
    sizes.push_back(writer.i64(size));
  sizes.resize(WINNOW_MAX_RANK, writer.i64(0));
  Constant *fields[] = {
      writer.string(tensor.getAs<mlir::StringAttr>("name").getValue()),
      writer.i32(tensor.getAs<mlir::IntegerAttr>("dtype").getInt()),
      writer.i32(shape.size()),
      ConstantArray::get(ArrayType::get(sizes[0]->getType(), sizes.size()),
                         sizes)};
  return writer.record(fields);
}

static Constant *entryInfo(ConstantWriter &writer, Module &module,
                           mlir::DictionaryAttr entry) {
  auto elements = [&](StringRef key) {
    return entry.getAs<mlir::ArrayAttr>(key);
  };
  auto bytes = [&](StringRef key) {
    return entry.getAs<mlir::IntegerAttr>(key).getInt();
  };
  auto bytesPer = [&](StringRef key) {
    return entry.getAs<mlir::DenseI64ArrayAttr>(key).asArrayRef();
  };
  SmallVector<Constant *> inputs, outputs, caches, dims;
  for (auto tensor : elements("inputs").getAsRange<mlir::DictionaryAttr>())
    inputs.push_back(tensorInfo(writer, tensor));
  for (auto tensor : elements("outputs").getAsRange<mlir::DictionaryAttr>())
    outputs.push_back(tensorInfo(writer, tensor));
  auto chunked = entry.getAs<mlir::DenseBoolArrayAttr>("chunked");
  for (auto [attr, isChunked] :
       llvm::zip_equal(elements("caches").getAsRange<mlir::TypeAttr>(),
                       chunked.asArrayRef())) {
    auto cache = cast<KvCacheType>(attr.getValue());
    Constant *fields[] = {
        writer.i64(cache.getHeads()),
        writer.i64(cache.getKeyDim()),
        writer.i64(cache.getValueDim()),
        writer.i64(cache.getCapacity()),
        writer.i64(isChunked),
        writer.i64(int64_t(cpu::getCacheFormat(cache.getKeyType()))),
        writer.i64(int64_t(cpu::getCacheFormat(cache.getValueType())))};
    caches.push_back(writer.record(fields));
  }
  for (auto name : elements("dims").getAsRange<mlir::StringAttr>())
    dims.push_back(writer.string(name.getValue()));

  SmallVector<Constant *> bounds;
  for (auto bound : elements("bounds").getAsRange<mlir::DictionaryAttr>())
    bounds.push_back(writer.record(
        {writer.i64(bound.getAs<mlir::IntegerAttr>("input").getInt()),
         writer.i64(bound.getAs<mlir::IntegerAttr>("rows").getInt())}));

  LLVMContext &context = module.getContext();
  auto *pointer = PointerType::getUnqual(context);
  Type *i32 = Type::getInt32Ty(context);
  Function *function = Function::Create(
      FunctionType::get(Type::getVoidTy(context), {pointer, i32, i32}, false),
      GlobalValue::ExternalLinkage,
      entry.getAs<mlir::FlatSymbolRefAttr>("function").getValue(), module);
  function->setVisibility(GlobalValue::HiddenVisibility);
  Constant *fields[] = {
      writer.string(entry.getAs<mlir::StringAttr>("name").getValue()),
      function,
      writer.array(inputs),
      writer.array(outputs),
      writer.array(caches),
      writer.array(dims),
      writer.arrayOf(bytesPer("arena_bytes_per")),
      writer.arrayOf(bytesPer("scratch_bytes_per")),
      writer.i64(bytes("arena_bytes")),
      writer.i64(bytes("scratch_bytes")),
      writer.i32(inputs.size()),
      writer.i32(outputs.size()),
      writer.i32(caches.size()),
      writer.i32(dims.size()),
      writer.i32(bytes("segments_input")),
      writer.i32(bounds.size()),
      writer.array(bounds)};
  return writer.record(fields);
}

void addDescriptor(Module &llvmModule, mlir::ModuleOp module,
                   const DescriptorFacts &facts) {
  ConstantWriter writer(llvmModule);
  SmallVector<Constant *> entries;
  for (auto entry : module->getAttrOfType<mlir::ArrayAttr>(kEntriesAttr)
                        .getAsRange<mlir::DictionaryAttr>())
    entries.push_back(entryInfo(writer, llvmModule, entry));

  Constant *fields[] = {writer.i32(WINNOW_ABI_VERSION),
                        writer.i32(static_cast<int32_t>(facts.cpuFeatures)),
                        writer.i64(facts.buildId[0]),
                        writer.i64(facts.buildId[1]),
                        writer.string(facts.name),
                        writer.string(facts.architecture),
                        writer.string(facts.targetCpu),
                        writer.string(facts.manifest),
                        writer.array(entries),
                        writer.i32(entries.size()),
                        writer.i32(0),
                        writer.i64(facts.vocabulary),
                        writer.i64(facts.context),
                        writer.i64(facts.weightBytes),
                        writer.i64(facts.checkpointBytesPerToken)};
  Constant *info = writer.record(fields);
  auto *global =
      new GlobalVariable(llvmModule, info->getType(),
                         /*isConstant=*/true, GlobalValue::ExternalLinkage,
                         info, "winnow_artifact");
  global->setVisibility(GlobalValue::HiddenVisibility);

  LLVMContext &context = llvmModule.getContext();
  FunctionType *type =
      FunctionType::get(PointerType::getUnqual(context), /*isVarArg=*/false);
  Function *runtime = Function::Create(type, GlobalValue::ExternalLinkage,
                                       "winnow_runtime_api", llvmModule);
  runtime->setVisibility(GlobalValue::HiddenVisibility);
  Function *api = Function::Create(type, GlobalValue::ExternalLinkage,
                                   facts.apiSymbol, llvmModule);
  IRBuilder<> builder(BasicBlock::Create(context, "", api));
  builder.CreateRet(builder.CreateCall(runtime));
}

} // namespace winnow
