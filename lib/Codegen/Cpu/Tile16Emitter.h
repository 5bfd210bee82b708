//===- Tile16Emitter.h - Emits the decoding of tile16 blocks ----*- C++ -*-===//
//
// One description serves kernels that decode 16 rows at a time (vectors, a lane
// per row) and those that decode one row (scalars): codes are i32, four inputs
// each, and every step on them is an operation on i32 lanes.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_CODEGEN_CPU_TILE16EMITTER_H
#define WINNOW_LIB_CODEGEN_CPU_TILE16EMITTER_H

#include "winnow/Codegen/Cpu/KernelBuilder.h"
#include "winnow/Formats/Tile16.h"

namespace winnow::cpu {

class Tile16Emitter {
public:
  using Value = mlir::Value;
  using Values = KernelBuilder::Values;

  /// Decodes all 16 rows of a group.
  Tile16Emitter(KernelBuilder &kb, const Tile16Layout &layout)
      : kb(kb), layout(layout) {}
  /// Decodes row `row` (i64, 0 to 15) of a group alone.
  Tile16Emitter(KernelBuilder &kb, const Tile16Layout &layout, Value row)
      : kb(kb), layout(layout), row(row) {}

  /// The `layout.scalesPerBlock()` scales and offsets of a block, f32 lanes:
  /// w = a * v + b. `b` is empty where the format has none.
  struct BlockScales {
    Values a, b;
  };
  /// What all blocks of a chunk share.
  struct ChunkScales {
    Value d, minusDmin;
  };

  /// Reads ahead by this many bytes for every line that is loaded; 0: never.
  void setPrefetchDistance(int64_t bytes) { prefetchDistance = bytes; }

  ChunkScales loadChunkScales(Value chunk);
  BlockScales loadScales(Value chunk, const ChunkScales &shared, Value block);
  /// The codes of one block, loaded line by line as quads are asked for.
  struct BlockCodes {
    Value lines;
    llvm::SmallVector<Value, 8> loaded;
  };
  BlockCodes codesOf(Value chunk, Value block);
  /// Quad `q` (0 to 7) of the codes, after the table: i32 lanes.
  Value quad(BlockCodes &codes, int64_t q);
  /// All 8 of them.
  Values loadCodes(Value chunk, Value block);
  /// Column `j` (0 to 3) of a quad of codes as weights, rounded as the file
  /// format defines.
  Value decode(Value quad, int64_t j, Value a, Value b);
  /// The `layout.chunk` columns of a chunk of a float format.
  Values loadFloats(Value chunk);

private:
  bool oneRow() const { return bool(row); }
  mlir::Type lanesOf(mlir::Type element);
  Value splat(int32_t value);
  /// `ptr` moved to the row's own element in one-row mode.
  Value laneAddress(Value ptr, int64_t elementBytes);
  Value loadLine(BlockCodes &codes, int64_t index);
  void prefetchScales(Value chunk);
  Value loadByte(Value ptr);
  Value loadHalf(Value ptr);
  Value masked(Value value, int64_t shiftRight, int32_t mask);
  /// i32 lanes (in one-row mode, copies of the number) as bytes, and back.
  Value toBytes(Value lanes);
  Value fromBytes(Value bytes);
  /// In each 16 bytes: table[index], and 0 where the index is negative.
  Value shuffleBytes(Value table, Value index);
  Value lookup(Value codes);
  /// table[index & 15] in i32 lanes.
  Value lookupDwords(llvm::ArrayRef<int32_t> table, Value index);
  /// Quad `q` of codes that half of eight inputs have: `stored` has their four
  /// bytes.
  Value spread(BlockCodes &codes, Value stored, int64_t q);

  KernelBuilder &kb;
  const Tile16Layout &layout;
  Value row;
  int64_t prefetchDistance = 0;
};

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_TILE16EMITTER_H
