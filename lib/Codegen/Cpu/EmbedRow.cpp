//===- EmbedRow.cpp - Decodes one row of a tile16 matrix ------------------===//

#include "Tile16Emitter.h"

#include "winnow/Codegen/Cpu/Linear.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace winnow::cpu {

static constexpr int64_t kRows = Tile16Layout::kRows;
static constexpr int64_t kBlock = Tile16Layout::kBlock;

llvm::Error emitEmbedRow(KernelBuilder &kb, StringRef format, Value w, Value id,
                         Value k, Value scale, Value out) {
  auto found = Tile16Layout::get(format);
  if (!found)
    return found.takeError();
  const Tile16Layout &layout = **found;
  Value row = kb.remU(id, kRows);
  Value groupBytes = kb.mul(kb.ceilDivU(k, layout.chunk), layout.chunkBytes());
  Value group = kb.offset(w, kb.mul(kb.divU(id, kRows), groupBytes));
  Tile16Emitter tiles(kb, layout, row);
  auto put = [&](Value weight, Value index) {
    kb.store(kb.mulF(weight, scale), kb.offset(out, kb.mul(index, 4)), 4);
  };
  if (layout.isFloat()) {
    // Whole chunks, then what is left of the last one.
    Value whole = kb.divU(k, layout.chunk);
    auto putColumns = [&](Value chunk, int64_t columns) {
      KernelBuilder::Values weights = tiles.loadFloats(
          kb.offset(group, kb.mul(chunk, layout.chunkBytes())));
      for (int64_t column = 0; column < columns; ++column)
        put(weights[column], kb.add(kb.mul(chunk, layout.chunk), column));
    };
    kb.forLoop(
        kb.i64(0), whole, kb.i64(1),
        [&](Value chunk) { putColumns(chunk, layout.chunk); },
        /*unroll=*/false);
    if (layout.chunk == 2)
      kb.ifThen(kb.lessThan(kb.mul(whole, 2), k),
                [&] { putColumns(whole, 1); });
    return llvm::Error::success();
  }
  kb.forLoop(
      kb.i64(0), kb.divU(k, kBlock), kb.i64(1),
      [&](Value block) {
        Value chunk =
            kb.offset(group, kb.mul(kb.divU(block, layout.blocksPerChunk()),
                                    layout.chunkBytes()));
        Value inChunk = kb.remU(block, layout.blocksPerChunk());
        auto scales =
            tiles.loadScales(chunk, tiles.loadChunkScales(chunk), inChunk);
        KernelBuilder::Values codes = tiles.loadCodes(chunk, inChunk);
        for (int64_t e = 0; e < kBlock; ++e) {
          int64_t g = e / layout.group;
          put(tiles.decode(codes[e / 4], e % 4, scales.a[g],
                           layout.hasMin() ? scales.b[g] : Value()),
              kb.add(kb.mul(block, kBlock), e));
        }
      },
      /*unroll=*/false);
  return llvm::Error::success();
}

llvm::Expected<func::FuncOp>
getEmbedRowKernel(ModuleOp module, const Target &target, StringRef format) {
  // An unknown format must not leave half a function behind.
  if (auto layout = Tile16Layout::get(format); !layout)
    return layout.takeError();
  std::string symbol = "winnow_embed_row_" + format.str();
  if (func::FuncOp existing = KernelBuilder::lookup(module, symbol))
    return existing;
  MLIRContext *context = module.getContext();
  Type ptr = LLVM::LLVMPointerType::get(context);
  Type i64 = IntegerType::get(context, 64);
  KernelBuilder kb(module, target, symbol,
                   {ptr, i64, i64, Float32Type::get(context), ptr});
  if (llvm::Error error = emitEmbedRow(kb, format, kb.arg(0), kb.arg(1),
                                       kb.arg(2), kb.arg(3), kb.arg(4)))
    return error;
  return kb.finish();
}

} // namespace winnow::cpu
