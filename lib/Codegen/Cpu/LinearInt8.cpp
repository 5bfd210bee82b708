//===- LinearInt8.cpp - Linear layers on 8-bit activations ----------------===//
//
// The dot product of a block starts its i32 accumulator at the bit pattern
// 0x4B400000 - zeroPoint * U, U the sum of the block's activations: read as f32
// it is then exactly 12582912 + P while |P| < 2^22 (at most 32 * 255 * 127),
// so fma(bits, a, -12582912 * a) is P * a rounded once: the addend is exact,
// as a has at most 19 significant bits. That saves a conversion per block.
// The method and the layouts are those of mlir22_cpu_notes §8.
//
//===----------------------------------------------------------------------===//

#include "LinearKernels.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace winnow::cpu {

static constexpr int32_t kStartBits = 0x4B400000;
static constexpr float kStart = 12582912.0f;
static constexpr int64_t kQuads = 8;
static constexpr int64_t kLine = 64;
/// Bytes ahead of the current line of each stream.
static constexpr int64_t kPrefetchDistance = 2048;

namespace {

/// The parts of a buffer of quantized rows (see activationBytesPerRow).
struct ActivationTile {
  Value codes, scales, sums;
  int64_t rows;

  ActivationTile(KernelBuilder &kb, Value tile, Value k, int64_t rows)
      : codes(tile), rows(rows) {
    Value padded = kb.roundUp(k, 64);
    scales = kb.offset(codes, kb.mul(padded, rows));
    sums = kb.offset(scales, kb.mul(kb.divU(padded, 32), rows * 4));
  }
  /// The address of the number of row `row` in group `group` of a plane.
  Value at(KernelBuilder &kb, Value plane, Value group, int64_t row) const {
    return kb.offset(plane, kb.add(kb.mul(group, rows * 4), row * 4));
  }
};

/// One row's share of a block: what all 16 outputs of a group multiply.
struct RowBlock {
  SmallVector<Value, 8> quads;      // vector<64xi8>, four codes repeated
  SmallVector<Value, 2> starts;     // vector<16xi32>, per scale group
  Value scale;                      // vector<16xf32>
  SmallVector<Value, 2> scaledSums; // vector<16xf32>: scale * U
};

class Int8Parts final : public LinearKernelParts {
public:
  using LinearKernelParts::LinearKernelParts;

  int64_t panelBytes(int64_t k) const override {
    return blocks(k) * panelBlockBytes();
  }
  Value emitPanelBytes(KernelBuilder &kb, Value k) override {
    return kb.mul(emitBlocks(kb, k), panelBlockBytes());
  }
  int64_t preparedBytesPerRow(int64_t k) const override {
    return blocks(k) * preparedBlockBytes();
  }
  Value emitPreparedBytesPerRow(KernelBuilder &kb, Value k) override {
    return kb.mul(emitBlocks(kb, k), preparedBlockBytes());
  }
  Value emitTileBytes(KernelBuilder &kb, Value k, Value ldx) override {
    Value padded = kb.roundUp(k, 64);
    return kb.mul(kb.add(padded, kb.mul(kb.divU(padded, 32), 12)), kTileRows);
  }
  func::FuncOp prepareRows() override;

protected:
  Values emitRowSums(KernelBuilder &kb, const TileCall &call, ValueRange groups,
                     int64_t rows, int64_t tileRows) override;
  void emitDecode(KernelBuilder &kb, ValueRange groups, Value panel,
                  Value k) override;
  Values emitPanelSums(KernelBuilder &kb, Value x, Value prepared, Value panel,
                       Value rows, Value k, Value ldx) override;

private:
  int64_t groupsPerBlock() const { return Tile16Layout::kBlock / layout.group; }
  /// Scales of any binade would overflow 12582912 * a.
  bool wideScales() const {
    return layout.scales == Tile16Layout::Scales::BF16;
  }
  int64_t blocks(int64_t k) const {
    return llvm::divideCeil(k, layout.chunk) * layout.blocksPerChunk();
  }
  Value emitBlocks(KernelBuilder &kb, Value k) {
    return kb.mul(kb.ceilDivU(k, layout.chunk), layout.blocksPerChunk());
  }
  /// Vectors per scale group and row group in a panel: a, -12582912 a, b.
  int64_t panelScales() const {
    return 1 + (wideScales() ? 0 : 1) + (layout.hasMin() ? 1 : 0);
  }
  int64_t panelBlockBytes() const {
    return kPanelGroups * kLine * (kQuads + groupsPerBlock() * panelScales());
  }
  /// Bytes per block and row: a start value and a scaled sum, where needed.
  int64_t preparedBlockBytes() const {
    return groupsPerBlock() *
           ((layout.zeroPoint ? 4 : 0) + (layout.hasMin() ? 4 : 0));
  }

  RowBlock loadRow(KernelBuilder &kb, const ActivationTile &tile, Value block,
                   int64_t row);
  Value startFactor(KernelBuilder &kb, Value a) {
    return wideScales() ? Value() : kb.mulF(a, kb.splatF32(-kStart));
  }
  /// y + (P * a) * scale (+ b * scaledSum).
  Value fold(KernelBuilder &kb, Value y, Value acc, Value a, Value minusStartA,
             Value b, Value scale, Value scaledSum);
  /// Adds block `block` of chunk number `chunkIndex` to `sums`.
  void addBlock(KernelBuilder &kb, Tile16Emitter &tiles,
                const ActivationTile &activations, ValueRange chunks,
                ArrayRef<Tile16Emitter::ChunkScales> shared, Value chunkIndex,
                Value block, int64_t rows, Values &sums);
};

RowBlock Int8Parts::loadRow(KernelBuilder &kb, const ActivationTile &tile,
                            Value block, int64_t row) {
  RowBlock result;
  Value quad = kb.mul(block, kQuads);
  for (int64_t q = 0; q < kQuads; ++q) {
    Value codes = kb.loadSplat(kb.i32Type(),
                               tile.at(kb, tile.codes, kb.add(quad, q), row));
    result.quads.push_back(
        kb.bitcast(codes, kb.vectorType(kb.i8Type(), kLine)));
  }
  Value scale = kb.load(kb.f32Type(), tile.at(kb, tile.scales, block, row), 4);
  result.scale = kb.broadcast(scale);
  Value halves[2];
  for (int64_t half = 0; half < 2; ++half)
    halves[half] =
        kb.load(kb.i32Type(),
                tile.at(kb, tile.sums, kb.add(kb.mul(block, 2), half), row), 4);
  for (int64_t group = 0; group < groupsPerBlock(); ++group) {
    Value sum =
        groupsPerBlock() == 1 ? kb.add(halves[0], halves[1]) : halves[group];
    Value start = kb.i32(kStartBits);
    if (layout.zeroPoint)
      start = kb.sub(start, kb.mul(sum, kb.i32(layout.zeroPoint)));
    result.starts.push_back(kb.broadcast(start));
    if (layout.hasMin())
      result.scaledSums.push_back(
          kb.broadcast(kb.mulF(scale, kb.toFloat(sum, kb.f32Type()))));
  }
  return result;
}

Value Int8Parts::fold(KernelBuilder &kb, Value y, Value acc, Value a,
                      Value minusStartA, Value b, Value scale,
                      Value scaledSum) {
  Value bits = kb.bitcast(acc, kb.vectorType(kb.f32Type()));
  Value product = wideScales() ? kb.mulF(kb.subF(bits, kb.splatF32(kStart)), a)
                               : kb.fma(bits, a, minusStartA);
  y = kb.fma(product, scale, y);
  return b ? kb.fma(b, scaledSum, y) : y;
}

void Int8Parts::addBlock(KernelBuilder &kb, Tile16Emitter &tiles,
                         const ActivationTile &activations, ValueRange chunks,
                         ArrayRef<Tile16Emitter::ChunkScales> shared,
                         Value chunkIndex, Value block, int64_t rows,
                         Values &sums) {
  Value globalBlock =
      kb.add(kb.mul(chunkIndex, layout.blocksPerChunk()), block);
  SmallVector<RowBlock> rowBlocks;
  for (int64_t row = 0; row < rows; ++row)
    rowBlocks.push_back(loadRow(kb, activations, globalBlock, row));
  Type bytes = kb.vectorType(kb.i8Type(), kLine);
  int64_t quadsPerGroup = kQuads / groupsPerBlock();
  for (auto [g, chunk] : llvm::enumerate(chunks)) {
    Values codes = tiles.loadCodes(chunk, block);
    Tile16Emitter::BlockScales scales =
        tiles.loadScales(chunk, shared[g], block);
    SmallVector<Value, 2> minusStartA;
    for (Value a : scales.a)
      minusStartA.push_back(startFactor(kb, a));
    for (int64_t row = 0; row < rows; ++row) {
      const RowBlock &x = rowBlocks[row];
      Value &sum = sums[row * chunks.size() + g];
      for (int64_t group = 0; group < groupsPerBlock(); ++group) {
        Value acc = x.starts[group];
        for (int64_t q = 0; q < quadsPerGroup; ++q) {
          int64_t quad = group * quadsPerGroup + q;
          acc = kb.dot4(acc, kb.bitcast(codes[quad], bytes), x.quads[quad]);
        }
        sum = fold(kb, sum, acc, scales.a[group], minusStartA[group],
                   layout.hasMin() ? scales.b[group] : Value(), x.scale,
                   layout.hasMin() ? x.scaledSums[group] : Value());
      }
    }
  }
}

KernelBuilder::Values Int8Parts::emitRowSums(KernelBuilder &kb,
                                             const TileCall &call,
                                             ValueRange groups, int64_t rows,
                                             int64_t tileRows) {
  Tile16Emitter tiles(kb, layout);
  tiles.setPrefetchDistance(kPrefetchDistance);
  ActivationTile activations(kb, call.x, call.k, tileRows);
  Values init(rows * groups.size(), kb.splatF32(0));
  return kb.forLoop(
      kb.i64(0), kb.ceilDivU(call.k, layout.chunk), kb.i64(1), init,
      [&](Value chunkIndex, ValueRange carried) {
        Values chunks;
        SmallVector<Tile16Emitter::ChunkScales> shared;
        for (Value group : groups) {
          chunks.push_back(
              kb.offset(group, kb.mul(chunkIndex, layout.chunkBytes())));
          shared.push_back(tiles.loadChunkScales(chunks.back()));
        }
        Values sums(carried);
        if (layout.blocksPerChunk() <= 2) {
          for (int64_t block = 0; block < layout.blocksPerChunk(); ++block)
            addBlock(kb, tiles, activations, chunks, shared, chunkIndex,
                     kb.i64(block), rows, sums);
          return sums;
        }
        return kb.forLoop(
            kb.i64(0), kb.i64(layout.blocksPerChunk()), kb.i64(1), sums,
            [&](Value block, ValueRange inner) {
              Values next(inner);
              addBlock(kb, tiles, activations, chunks, shared, chunkIndex,
                       block, rows, next);
              return next;
            },
            /*unroll=*/false);
      },
      /*unroll=*/false);
}

void Int8Parts::emitDecode(KernelBuilder &kb, ValueRange groups, Value panel,
                           Value k) {
  Tile16Emitter tiles(kb, layout);
  tiles.setPrefetchDistance(kPrefetchDistance);
  Type words = kb.vectorType(kb.i32Type());
  kb.forLoop(
      kb.i64(0), kb.ceilDivU(k, layout.chunk), kb.i64(1),
      [&](Value chunkIndex) {
        Values chunks;
        SmallVector<Tile16Emitter::ChunkScales> shared;
        for (Value group : groups) {
          chunks.push_back(
              kb.offset(group, kb.mul(chunkIndex, layout.chunkBytes())));
          shared.push_back(tiles.loadChunkScales(chunks.back()));
        }
        Value firstBlock = kb.mul(chunkIndex, layout.blocksPerChunk());
        kb.forLoop(
            kb.i64(0), kb.i64(layout.blocksPerChunk()), kb.i64(1),
            [&](Value block) {
              Value to = kb.offset(
                  panel, kb.mul(kb.add(firstBlock, block), panelBlockBytes()));
              for (size_t g = 0; g < chunks.size(); ++g) {
                Value chunk = chunks[g];
                auto put = [&](Value value, int64_t line) {
                  kb.store(value,
                           kb.offset(to, (line * kPanelGroups + g) * kLine),
                           kLine);
                };
                for (auto [q, quad] :
                     llvm::enumerate(tiles.loadCodes(chunk, block)))
                  put(kb.bitcast(quad, words), q);
                auto scales = tiles.loadScales(chunk, shared[g], block);
                int64_t line = kQuads;
                for (int64_t group = 0; group < groupsPerBlock(); ++group) {
                  put(scales.a[group], line++);
                  if (!wideScales())
                    put(startFactor(kb, scales.a[group]), line++);
                  if (layout.hasMin())
                    put(scales.b[group], line++);
                }
              }
            },
            /*unroll=*/false);
      },
      /*unroll=*/false);
}

func::FuncOp Int8Parts::prepareRows() {
  if (preparedBlockBytes() == 0)
    return nullptr;
  std::string symbol = name("prepare_rows");
  if (func::FuncOp existing = KernelBuilder::lookup(module, symbol))
    return existing;
  MLIRContext *context = module.getContext();
  Type ptr = LLVM::LLVMPointerType::get(context);
  Type i64 = IntegerType::get(context, 64);
  KernelBuilder kb(module, target, symbol, {ptr, ptr, i64, i64});
  Value x = kb.arg(0), prepared = kb.arg(1), m = kb.arg(2), k = kb.arg(3);
  Value blockCount = emitBlocks(kb, k);
  Value tileBytes = emitTileBytes(kb, k, {});
  VectorType ints = kb.vectorType(kb.i32Type(), kTileRows);
  VectorType floats = kb.vectorType(kb.f32Type(), kTileRows);
  int64_t blockBytes = preparedBlockBytes() * kTileRows;
  kb.forLoop(
      kb.i64(0), kb.ceilDivU(m, kTileRows), kb.i64(1),
      [&](Value tileIndex) {
        ActivationTile tile(kb, kb.offset(x, kb.mul(tileIndex, tileBytes)), k,
                            kTileRows);
        Value firstBlock = kb.mul(tileIndex, blockCount);
        kb.forLoop(
            kb.i64(0), blockCount, kb.i64(1),
            [&](Value block) {
              Value to = kb.offset(
                  prepared, kb.mul(kb.add(firstBlock, block), blockBytes));
              auto put = [&](Value value) {
                kb.store(value, to, 4);
                to = kb.offset(to, kTileRows * 4);
              };
              Value scale =
                  kb.load(floats, tile.at(kb, tile.scales, block, 0), 4);
              Value halves[2];
              for (int64_t half = 0; half < 2; ++half)
                halves[half] = kb.load(
                    ints,
                    tile.at(kb, tile.sums, kb.add(kb.mul(block, 2), half), 0),
                    4);
              for (int64_t group = 0; group < groupsPerBlock(); ++group) {
                Value sum = groupsPerBlock() == 1 ? kb.add(halves[0], halves[1])
                                                  : halves[group];
                if (layout.zeroPoint)
                  put(kb.sub(
                      kb.splatI32(kStartBits, kTileRows),
                      kb.mul(sum, kb.splatI32(layout.zeroPoint, kTileRows))));
                if (layout.hasMin())
                  put(kb.mulF(scale, kb.toFloat(sum, floats)));
              }
            },
            /*unroll=*/false);
      },
      /*unroll=*/false);
  return kb.finish();
}

KernelBuilder::Values Int8Parts::emitPanelSums(KernelBuilder &kb, Value x,
                                               Value prepared, Value panel,
                                               Value rows, Value k, Value ldx) {
  ActivationTile tile(kb, x, k, kTileRows);
  Type bytes = kb.vectorType(kb.i8Type(), kLine);
  Type floats = kb.vectorType(kb.f32Type());
  int64_t quadsPerGroup = kQuads / groupsPerBlock();
  Values init(kTileRows * kPanelGroups, kb.splatF32(0));
  return kb.forLoop(
      kb.i64(0), emitBlocks(kb, k), kb.i64(1), init,
      [&](Value block, ValueRange carried) {
        Values sums(carried);
        Value lines = kb.offset(panel, kb.mul(block, panelBlockBytes()));
        Value values = kb.offset(
            prepared, kb.mul(block, preparedBlockBytes() * kTileRows));
        Value quad = kb.mul(block, kQuads);
        auto line = [&](Type type, int64_t index, int64_t g) {
          return kb.load(type,
                         kb.offset(lines, (index * kPanelGroups + g) * kLine),
                         kLine);
        };
        int64_t scaleLine = kQuads, valueLine = 0;
        for (int64_t group = 0; group < groupsPerBlock(); ++group) {
          Values accs;
          for (int64_t row = 0; row < kTileRows; ++row) {
            Value start =
                layout.zeroPoint
                    ? kb.loadSplat(kb.i32Type(),
                                   kb.offset(values, valueLine * 4 * kTileRows +
                                                         row * 4))
                    : kb.splatI32(kStartBits);
            accs.append(kPanelGroups, start);
          }
          valueLine += layout.zeroPoint ? 1 : 0;
          for (int64_t q = 0; q < quadsPerGroup; ++q) {
            int64_t index = group * quadsPerGroup + q;
            Value weights[kPanelGroups];
            for (int64_t g = 0; g < kPanelGroups; ++g)
              weights[g] = line(bytes, index, g);
            for (int64_t row = 0; row < kTileRows; ++row) {
              Value codes = kb.bitcast(
                  kb.loadSplat(kb.i32Type(), tile.at(kb, tile.codes,
                                                     kb.add(quad, index), row)),
                  bytes);
              for (int64_t g = 0; g < kPanelGroups; ++g) {
                Value &acc = accs[row * kPanelGroups + g];
                acc = kb.dot4(acc, weights[g], codes);
              }
            }
          }
          Value a[kPanelGroups], minusStartA[kPanelGroups], b[kPanelGroups];
          auto scalesOf = [&](Value(&into)[kPanelGroups]) {
            for (int64_t g = 0; g < kPanelGroups; ++g)
              into[g] = line(floats, scaleLine, g);
            ++scaleLine;
          };
          scalesOf(a);
          if (!wideScales())
            scalesOf(minusStartA);
          if (layout.hasMin())
            scalesOf(b);
          for (int64_t row = 0; row < kTileRows; ++row) {
            Value scale = kb.loadSplat(kb.f32Type(),
                                       tile.at(kb, tile.scales, block, row));
            Value scaledSum =
                layout.hasMin()
                    ? kb.loadSplat(kb.f32Type(),
                                   kb.offset(values, valueLine * 4 * kTileRows +
                                                         row * 4))
                    : Value();
            for (int64_t g = 0; g < kPanelGroups; ++g) {
              int64_t index = row * kPanelGroups + g;
              sums[index] = fold(kb, sums[index], accs[index], a[g],
                                 minusStartA[g], b[g], scale, scaledSum);
            }
          }
          valueLine += layout.hasMin() ? 1 : 0;
        }
        return sums;
      },
      /*unroll=*/false);
}

} // namespace

std::unique_ptr<LinearKernelParts> makeInt8Parts(ModuleOp module,
                                                 const Target &target,
                                                 const LinearSpec &spec,
                                                 const Tile16Layout &layout) {
  return std::make_unique<Int8Parts>(module, target, spec, layout);
}

} // namespace winnow::cpu
