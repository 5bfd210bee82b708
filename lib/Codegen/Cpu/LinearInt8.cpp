//===- LinearInt8.cpp - Linear layers on 8-bit activations ----------------===//
//
// The dot product of a block starts its i32 accumulator at the bit pattern
// 0x4B400000 - zeroPoint * U, U the sum of the block's activations: read as f32
// it is then exactly 12582912 + P while |P| < 2^22 (at most 32 * 255 * 127),
// so fma(bits, a, -12582912 * a) is P * a rounded once: the addend is exact,
// as a has at most 19 significant bits. That saves a conversion per block.
// The layouts are those of Formats/Tile16.h.
//
//===----------------------------------------------------------------------===//

#include "LinearKernels.h"
#include "MemoryStreams.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace winnow::cpu {

static constexpr int32_t kStartBits = 0x4B400000;
static constexpr float kStart = 12582912.0f;
static constexpr int64_t kQuads = 8;
static constexpr int64_t kLine = 64;

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

/// One row's numbers for a block, besides its codes.
struct RowBlock {
  SmallVector<Value, 2> starts;     // vector<16xi32>, per scale group
  Value scale;                      // vector<16xf32>
  SmallVector<Value, 2> scaledSums; // vector<16xf32>: scale * U
};

/// The rows that a tile multiplies.
struct TileRows {
  ActivationTile activations;
  Value prepared; // null: computed on the spot
  int64_t first, count;
};

/// One scale group of a block of weights, of all row groups of a tile. Called
/// in order; quads are loaded or decoded when asked for.
struct WeightBlock {
  virtual ~WeightBlock() = default;
  /// vector<64xi8>
  virtual Value quad(int64_t index, size_t rowGroup) = 0;
  struct Factors {
    Value a, minusStartA, b;
  };
  virtual Factors factors(int64_t group, size_t rowGroup) = 0;
};

class Int8Parts final : public LinearKernelParts {
public:
  using LinearKernelParts::LinearKernelParts;

  BytesPerInputs panelSize() const override {
    return {layout.chunk, layout.blocksPerChunk() * panelBlockBytes()};
  }
  BytesPerInputs preparedRowSize() const override {
    return {layout.chunk, layout.blocksPerChunk() * preparedBlockBytes()};
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
  int64_t groupsPerBlock() const { return layout.scalesPerBlock(); }
  /// Scales of any binade would overflow 12582912 * a.
  bool wideScales() const {
    return layout.scales == Tile16Layout::Scales::BF16;
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

  /// A processor that finds its way by itself does so through short chunks at
  /// one row. Superblocks and more rows take so many instructions per line that
  /// it does not look far enough: q4_k falls from 87 to 52 % of the read
  /// bandwidth without asking (Zen 5, bench/kernels).
  int64_t prefetchDistance(int64_t rows) const {
    bool isPlain = rows == 1 && layout.blocksPerChunk() <= 2;
    return isPlain && target.prefetchesStreams ? 0 : kPrefetchDistance;
  }

  RowBlock loadRow(KernelBuilder &kb, const TileRows &rows, Value block,
                   int64_t row);
  /// AVX2 alone multiplies 8-bit codes as magnitude and sign, so that pairs of
  /// products fit in 16 bits.
  bool useMagnitudes(const KernelBuilder &kb) const {
    return !kb.hasDot4() && !target.avx512 && layout.zeroPoint == 128;
  }
  Value startFactor(KernelBuilder &kb, Value a) {
    return wideScales() ? Value() : kb.mulF(a, kb.splatF32(-kStart));
  }
  /// y + (P * a) * scale (+ b * scaledSum).
  Value fold(KernelBuilder &kb, Value y, Value acc,
             const WeightBlock::Factors &weights, Value scale, Value scaledSum);
  /// Adds block number `block` to `sums`.
  void addBlock(KernelBuilder &kb, const TileRows &rows, WeightBlock &weights,
                size_t rowGroups, Value block, Values &sums);

  class TileBlock;
  class PanelBlock;
};

} // namespace

RowBlock Int8Parts::loadRow(KernelBuilder &kb, const TileRows &rows,
                            Value block, int64_t row) {
  RowBlock result;
  const ActivationTile &tile = rows.activations;
  Value scale = kb.load(kb.f32Type(), tile.at(kb, tile.scales, block, row), 4);
  result.scale = kb.broadcast(scale);
  if (rows.prepared) {
    Value at = kb.offset(rows.prepared,
                         kb.mul(block, preparedBlockBytes() * kTileRows));
    at = kb.offset(at, row * 4);
    auto next = [&](Type type) {
      Value value = kb.loadSplat(type, at);
      at = kb.offset(at, kTileRows * 4);
      return value;
    };
    for (int64_t group = 0; group < groupsPerBlock(); ++group) {
      result.starts.push_back(layout.zeroPoint ? next(kb.i32Type())
                                               : kb.splatI32(kStartBits));
      if (layout.hasMin())
        result.scaledSums.push_back(next(kb.f32Type()));
    }
    return result;
  }
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

Value Int8Parts::fold(KernelBuilder &kb, Value y, Value acc,
                      const WeightBlock::Factors &weights, Value scale,
                      Value scaledSum) {
  Value bits = kb.bitcast(acc, kb.vectorType(kb.f32Type()));
  Value product = wideScales()
                      ? kb.mulF(kb.subF(bits, kb.splatF32(kStart)), weights.a)
                      : kb.fma(bits, weights.a, weights.minusStartA);
  y = kb.fma(product, scale, y);
  return weights.b ? kb.fma(weights.b, scaledSum, y) : y;
}

void Int8Parts::addBlock(KernelBuilder &kb, const TileRows &rows,
                         WeightBlock &weights, size_t rowGroups, Value block,
                         Values &sums) {
  const ActivationTile &tile = rows.activations;
  Value firstQuad = kb.mul(block, kQuads);
  Type bytes = kb.vectorType(kb.i8Type(), kLine);
  SmallVector<RowBlock> x;
  for (int64_t row = 0; row < rows.count; ++row)
    x.push_back(loadRow(kb, rows, block, rows.first + row));

  // Quads outside, so that few weights and activations are live at a time.
  int64_t quadsPerGroup = kQuads / groupsPerBlock();
  int64_t wordQuads = kb.wordQuads(layout.largestCode());
  bool magnitudes = useMagnitudes(kb);
  for (int64_t group = 0; group < groupsPerBlock(); ++group) {
    Values accs, words(rows.count * rowGroups);
    for (int64_t row = 0; row < rows.count; ++row)
      accs.append(rowGroups,
                  magnitudes ? kb.splatI32(kStartBits) : x[row].starts[group]);
    for (int64_t q = 0; q < quadsPerGroup; ++q) {
      int64_t index = group * quadsPerGroup + q;
      Values lines, signs;
      for (size_t g = 0; g < rowGroups; ++g) {
        lines.push_back(weights.quad(index, g));
        if (magnitudes) {
          // code - 128, then its magnitude: at most 128.
          signs.push_back(kb.xorI(lines[g], kb.splatI8(-128)));
          lines[g] = kb.maxS(signs[g], kb.sub(kb.splatI8(0), signs[g]));
        }
      }
      bool full =
          wordQuads && ((q + 1) % wordQuads == 0 || q + 1 == quadsPerGroup);
      for (int64_t row = 0; row < rows.count; ++row) {
        Value codes = kb.bitcast(
            kb.loadSplat(kb.i32Type(),
                         tile.at(kb, tile.codes, kb.add(firstQuad, index),
                                 rows.first + row)),
            bytes);
        for (size_t g = 0; g < rowGroups; ++g) {
          Value &acc = accs[row * rowGroups + g];
          Value &word = words[row * rowGroups + g];
          if (magnitudes)
            acc = kb.dot4(acc, lines[g], kb.changeSign(codes, signs[g]), 128);
          else if (wordQuads)
            word = kb.dotWords(word, lines[g], codes);
          else
            acc = kb.dot4(acc, lines[g], codes, layout.largestCode());
          if (full) {
            acc = kb.foldWords(acc, word);
            word = Value();
          }
        }
      }
    }
    for (size_t g = 0; g < rowGroups; ++g) {
      WeightBlock::Factors factors = weights.factors(group, g);
      for (int64_t row = 0; row < rows.count; ++row) {
        Value &sum = sums[row * rowGroups + g];
        sum = fold(kb, sum, accs[row * rowGroups + g], factors, x[row].scale,
                   layout.hasMin() ? x[row].scaledSums[group] : Value());
      }
    }
  }
}

/// Weights decoded from tile16.
class Int8Parts::TileBlock final : public WeightBlock {
public:
  TileBlock(Int8Parts &parts, KernelBuilder &kb, Tile16Emitter &tiles,
            ValueRange chunks, ArrayRef<Tile16Emitter::ChunkScales> shared,
            Value block)
      : parts(parts), kb(kb), tiles(tiles), chunks(chunks), shared(shared),
        block(block), scales(chunks.size()) {
    for (Value chunk : chunks)
      codes.push_back(tiles.codesOf(chunk, block));
  }
  Value quad(int64_t index, size_t rowGroup) override {
    return kb.bitcast(tiles.quad(codes[rowGroup], index),
                      kb.vectorType(kb.i8Type(), kLine));
  }
  Factors factors(int64_t group, size_t rowGroup) override {
    Tile16Emitter::BlockScales &own = scales[rowGroup];
    if (own.a.empty())
      own = tiles.loadScales(chunks[rowGroup], shared[rowGroup], block);
    return {own.a[group], parts.startFactor(kb, own.a[group]),
            own.b.empty() ? Value() : own.b[group]};
  }

private:
  Int8Parts &parts;
  KernelBuilder &kb;
  Tile16Emitter &tiles;
  ValueRange chunks;
  ArrayRef<Tile16Emitter::ChunkScales> shared;
  Value block;
  SmallVector<Tile16Emitter::BlockCodes> codes;
  SmallVector<Tile16Emitter::BlockScales> scales;
};

/// Weights that emitDecode wrote.
class Int8Parts::PanelBlock final : public WeightBlock {
public:
  PanelBlock(Int8Parts &parts, KernelBuilder &kb, Value lines,
             int64_t firstGroup)
      : parts(parts), kb(kb), lines(lines), firstGroup(firstGroup) {}
  Value quad(int64_t index, size_t rowGroup) override {
    return line(kb.vectorType(kb.i8Type(), kLine), index, rowGroup);
  }
  Factors factors(int64_t group, size_t rowGroup) override {
    int64_t index = kQuads + group * parts.panelScales();
    auto next = [&](bool stored) {
      return stored ? line(kb.vectorType(kb.f32Type()), index++, rowGroup)
                    : Value();
    };
    Factors result;
    result.a = next(true);
    result.minusStartA = next(!parts.wideScales());
    result.b = next(parts.layout.hasMin());
    return result;
  }

private:
  Value line(Type type, int64_t index, size_t rowGroup) {
    int64_t at = (index * kPanelGroups + firstGroup + rowGroup) * kLine;
    return kb.load(type, kb.offset(lines, at), kLine);
  }
  Int8Parts &parts;
  KernelBuilder &kb;
  Value lines;
  int64_t firstGroup;
};

KernelBuilder::Values Int8Parts::emitRowSums(KernelBuilder &kb,
                                             const TileCall &call,
                                             ValueRange groups, int64_t rows,
                                             int64_t tileRows) {
  Tile16Emitter tiles(kb, layout);
  tiles.setPrefetchDistance(prefetchDistance(rows));
  TileRows x{ActivationTile(kb, call.x, call.k, tileRows),
             tileRows == 1 ? Value() : call.prepared, 0, rows};
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
        Value first = kb.mul(chunkIndex, layout.blocksPerChunk());
        auto add = [&](Value block, Values &sums) {
          TileBlock weights(*this, kb, tiles, chunks, shared, block);
          addBlock(kb, x, weights, groups.size(), kb.add(first, block), sums);
        };
        Values sums(carried);
        if (layout.blocksPerChunk() <= 2) {
          for (int64_t block = 0; block < layout.blocksPerChunk(); ++block)
            add(kb.i64(block), sums);
          return sums;
        }
        return kb.forLoop(
            kb.i64(0), kb.i64(layout.blocksPerChunk()), kb.i64(1), sums,
            [&](Value block, ValueRange inner) {
              Values next(inner);
              add(block, next);
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
  Value tileBytes = kb.mul(emitRowBytes(kb, k, {}), kTileRows);
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
  return inParts([&](int64_t firstRow, int64_t rowCount, int64_t firstGroup,
                     int64_t groupCount) {
    TileRows own{ActivationTile(kb, x, k, kTileRows), prepared, firstRow,
                 rowCount};
    Values init(rowCount * groupCount, kb.splatF32(0));
    return kb.forLoop(
        kb.i64(0), emitBlocks(kb, k), kb.i64(1), init,
        [&](Value block, ValueRange carried) {
          Values sums(carried);
          PanelBlock weights(*this, kb,
                             kb.offset(panel, kb.mul(block, panelBlockBytes())),
                             firstGroup);
          addBlock(kb, own, weights, groupCount, block, sums);
          return sums;
        },
        /*unroll=*/false);
  });
}

std::unique_ptr<LinearKernelParts> makeInt8Parts(ModuleOp module,
                                                 const Target &target,
                                                 const LinearSpec &spec,
                                                 const Tile16Layout &layout) {
  return std::make_unique<Int8Parts>(module, target, spec, layout);
}

} // namespace winnow::cpu
