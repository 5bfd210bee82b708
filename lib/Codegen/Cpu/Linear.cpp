//===- Linear.cpp - Kernels of linear layers ------------------------------===//

#include "LinearKernels.h"
#include "MemoryStreams.h"

#include "winnow/Codegen/Cpu/RowKernels.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using llvm::createStringError;

namespace winnow::cpu {

static constexpr int64_t kRows = Tile16Layout::kRows;

/// Why `spec` has no kernel, or its layout.
static llvm::Expected<const Tile16Layout *> layoutOf(const LinearSpec &spec) {
  auto layout = Tile16Layout::get(spec.format);
  if (!layout)
    return layout.takeError();
  switch (spec.activations) {
  case Activations::F32:
    return layout;
  case Activations::A8B32:
    if (!(*layout)->isFloat())
      return layout;
    return createStringError("weights of " + spec.format +
                             " cannot be multiplied by 8-bit activations");
  case Activations::BF16:
    if ((*layout)->codes == Tile16Layout::Codes::BF16)
      return layout;
    return createStringError("weights of " + spec.format +
                             " cannot be multiplied by bf16 activations");
  }
  llvm_unreachable("every kind of activations has kernels");
}

static StringRef nameOf(Activations activations) {
  switch (activations) {
  case Activations::F32:
    return "f32";
  case Activations::A8B32:
    return "a8";
  case Activations::BF16:
    return "bf16";
  }
  llvm_unreachable("every kind of activations has a name");
}

static std::string kernelName(const LinearSpec &spec) {
  std::string name = ("winnow_linear_" + spec.format + "_" +
                      nameOf(spec.activations) + (spec.bias ? "_bias" : ""))
                         .str();
  if (spec.map)
    name += "_map_" + llvm::utohexstr(llvm::xxh3_64bits(describeMap(*spec.map)),
                                      /*LowerCase=*/true);
  return name;
}

static std::unique_ptr<LinearKernelParts>
makeParts(ModuleOp module, const Target &target, const LinearSpec &spec,
          const Tile16Layout &layout) {
  switch (spec.activations) {
  case Activations::F32:
    return makeF32Parts(module, target, spec, layout);
  case Activations::A8B32:
    return makeInt8Parts(module, target, spec, layout);
  case Activations::BF16:
    return makeBf16Parts(module, target, spec, layout);
  }
  llvm_unreachable("every kind of activations has kernels");
}

//===----------------------------------------------------------------------===//
// Functions that all kernels are made of
//===----------------------------------------------------------------------===//

std::string LinearKernelParts::name(StringRef part) const {
  return kernelName(spec) + "_" + part.str();
}

Value LinearKernelParts::emitRowBytes(KernelBuilder &kb, Value k,
                                      Value ldx) const {
  switch (spec.activations) {
  case Activations::F32:
    return kb.mul(ldx, sizeof(float));
  case Activations::A8B32: {
    // In the terms of ActivationTile's addresses, which are computed anyway.
    Value padded = kb.roundUp(k, 64);
    return kb.add(padded, kb.mul(kb.divU(padded, 32), 12));
  }
  case Activations::BF16:
    return activationRow(target, spec.activations).emit(kb, k);
  }
  llvm_unreachable("every kind of activations has a size");
}

int64_t LinearKernelParts::streams(int64_t rows) const {
  // Decoding to floats waits for chains of arithmetic, not for memory.
  bool decodes = spec.activations == Activations::F32 && !layout.isFloat();
  if (rows == 1)
    return decodes ? 4 : kMemoryStreams;
  if (!target.avx512)
    return 1;
  return rows <= 4 ? 4 : 2;
}

KernelBuilder::Values LinearKernelParts::inParts(
    llvm::function_ref<Values(int64_t, int64_t, int64_t, int64_t)> part) const {
  int64_t rows = target.avx512 ? kTileRows : kTileRows / 2;
  int64_t groups = target.avx512 ? kPanelGroups : 1;
  Values sums(kTileRows * kPanelGroups);
  for (int64_t row = 0; row < kTileRows; row += rows)
    for (int64_t group = 0; group < kPanelGroups; group += groups) {
      Values own = part(row, rows, group, groups);
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t g = 0; g < groups; ++g)
          sums[(row + r) * kPanelGroups + group + g] = own[r * groups + g];
    }
  return sums;
}

KernelBuilder::Values LinearKernelParts::rowPointers(KernelBuilder &kb, Value x,
                                                     Value rows, Value rowBytes,
                                                     int64_t count) {
  Values pointers;
  for (int64_t row = 0; row < count; ++row) {
    Value index = kb.minS(kb.i64(row), kb.add(rows, -1));
    pointers.push_back(kb.offset(x, kb.mul(index, rowBytes)));
  }
  return pointers;
}

KernelBuilder::Values LinearKernelParts::overK(KernelBuilder &kb, Value count,
                                               int64_t chunk, Values sums,
                                               StepBody step) {
  Value from = kb.i64(0);
  auto loop = [&](int64_t inputs) {
    Value to = kb.mul(kb.divU(count, inputs), inputs);
    int64_t columns = std::min(inputs, chunk);
    sums = kb.forLoop(
        from, to, kb.i64(inputs), sums,
        [&](Value k, ValueRange carried) {
          Values next(carried);
          for (int64_t i = 0; i < inputs; i += columns)
            next = step(kb.add(k, i), columns, next);
          return next;
        },
        /*unroll=*/false);
    from = to;
  };
  loop(4);
  if (chunk > 1)
    loop(chunk);
  loop(1);
  return sums;
}

void LinearKernelParts::emitStores(KernelBuilder &kb, Values sums, Value bias,
                                   Value y, Value rows, Value n, Value ldy,
                                   ValueRange groups) {
  int64_t rowCount = sums.size() / groups.size();
  for (auto [g, group] : llvm::enumerate(groups)) {
    Value first = kb.mul(group, kRows);
    Value lanes = kb.sub(n, first);
    Value biasLanes;
    if (spec.bias)
      biasLanes = kb.loadFirst(kb.vectorType(kb.f32Type()),
                               kb.offset(bias, kb.mul(first, 4)), lanes);
    for (int64_t row = 0; row < rowCount; ++row) {
      Value sum = sums[row * groups.size() + g];
      if (spec.bias)
        sum = kb.addF(sum, biasLanes);
      if (spec.map && !cannotMap) {
        FailureOr<Value> mapped = emitMapLanes(kb, *spec.map, sum);
        cannotMap = failed(mapped);
        sum = mapped.value_or(sum);
      }
      auto store = [&] {
        Value element = kb.add(kb.mul(ldy, row), first);
        kb.storeFirst(sum, kb.offset(y, kb.mul(element, 4)), lanes);
      };
      if (row == 0)
        store();
      else
        kb.ifThen(kb.lessThan(kb.i64(row), rows), store);
    }
  }
}

func::FuncOp LinearKernelParts::rowTile(int64_t rows, int64_t tileRows) {
  std::string symbol =
      name("rows" + std::to_string(rows) + "_of" + std::to_string(tileRows));
  if (func::FuncOp existing = KernelBuilder::lookup(module, symbol))
    return existing;
  MLIRContext *context = module.getContext();
  Type ptr = LLVM::LLVMPointerType::get(context);
  Type i64 = IntegerType::get(context, 64);
  KernelBuilder kb(
      module, target, symbol,
      {ptr, ptr, ptr, ptr, ptr, i64, i64, i64, i64, i64, i64, i64, i64, i64});
  unsigned next = 0;
  TileCall call;
  for (Value *member : {&call.x, &call.prepared, &call.w, &call.bias, &call.y,
                        &call.rows, &call.n, &call.k, &call.ldx, &call.ldy,
                        &call.index, &call.first, &call.perStream, &call.last})
    *member = kb.arg(next++);
  Value groupBytes = groupSize().emit(kb, call.k);
  Values groups, weights;
  for (int64_t s = 0; s < streams(rows); ++s) {
    Value group =
        kb.add(kb.add(call.first, kb.mul(call.perStream, s)), call.index);
    group = kb.minS(group, kb.add(call.last, -1));
    groups.push_back(group);
    weights.push_back(kb.offset(call.w, kb.mul(group, groupBytes)));
  }
  Values sums = emitRowSums(kb, call, weights, rows, tileRows);
  emitStores(kb, sums, call.bias, call.y, call.rows, call.n, call.ldy, groups);
  return kb.finish();
}

func::FuncOp LinearKernelParts::decodePanel() {
  std::string symbol = name("decode_panel");
  if (func::FuncOp existing = KernelBuilder::lookup(module, symbol))
    return existing;
  MLIRContext *context = module.getContext();
  Type ptr = LLVM::LLVMPointerType::get(context);
  Type i64 = IntegerType::get(context, 64);
  KernelBuilder kb(module, target, symbol, {ptr, ptr, ptr, i64});
  emitDecode(kb, {kb.arg(0), kb.arg(1)}, kb.arg(2), kb.arg(3));
  return kb.finish();
}

func::FuncOp LinearKernelParts::panelTile() {
  std::string symbol = name("panel_tile");
  if (func::FuncOp existing = KernelBuilder::lookup(module, symbol))
    return existing;
  MLIRContext *context = module.getContext();
  Type ptr = LLVM::LLVMPointerType::get(context);
  Type i64 = IntegerType::get(context, 64);
  KernelBuilder kb(
      module, target, symbol,
      {ptr, ptr, ptr, ptr, ptr, i64, i64, i64, i64, i64, i64, i64});
  Value rows = kb.arg(5), n = kb.arg(6), k = kb.arg(7), ldx = kb.arg(8),
        ldy = kb.arg(9);
  Values sums =
      emitPanelSums(kb, kb.arg(0), kb.arg(1), kb.arg(2), rows, k, ldx);
  emitStores(kb, sums, kb.arg(3), kb.arg(4), rows, n, ldy,
             {kb.arg(10), kb.arg(11)});
  return kb.finish();
}

//===----------------------------------------------------------------------===//
// The driver
//===----------------------------------------------------------------------===//

namespace {

/// The arguments of a linear kernel and this thread's share: of row groups of
/// the weights, and of tiles of 8 rows of x, all of one of them.
struct Driver {
  KernelBuilder &kb;
  LinearKernelParts &parts;
  Value x, w, bias, y, m, n, k, ldx, ldy, scratch;
  Value first, last, firstTile, lastTile;

  Driver(KernelBuilder &kb, LinearKernelParts &parts)
      : kb(kb), parts(parts), x(kb.arg(0)), w(kb.arg(1)), bias(kb.arg(2)),
        y(kb.arg(3)), m(kb.arg(4)), n(kb.arg(5)), k(kb.arg(6)), ldx(kb.arg(7)),
        ldy(kb.arg(8)), scratch(kb.arg(9)) {
    std::tie(first, last) =
        kb.share(kb.ceilDivU(n, kRows), kb.arg(10), kb.arg(11));
    firstTile = kb.i64(0);
    lastTile = kb.ceilDivU(m, kTileRows);
  }

  /// Tiles of up to `rows` rows, without a panel.
  void emitRowTiles(int64_t rows, int64_t tileRows) {
    func::FuncOp tile = parts.rowTile(rows, tileRows);
    if (tileRows == kTileRows)
      emitPrepareRows();
    Value perStream = kb.ceilDivU(kb.sub(last, first), parts.streams(rows));
    kb.forLoop(
        kb.i64(0), perStream, kb.i64(1),
        [&](Value index) {
          forEachTile([&](const Tile &t) {
            kb.call(tile, {t.x, t.prepared, w, bias, t.y, t.rows, n, k, ldx,
                           ldy, index, first, perStream, last});
          });
        },
        /*unroll=*/false);
  }

  void emitPanels() {
    if (parts.canShareRows())
      shareRows();
    emitPrepareRows();
    Value groupBytes = parts.groupSize().emit(kb, k);
    func::FuncOp decode = parts.decodePanel(), tile = parts.panelTile();
    kb.forLoop(
        first, last, kb.i64(kPanelGroups),
        [&](Value group) {
          Value second = kb.minS(kb.add(group, 1), kb.add(last, -1));
          kb.call(decode,
                  {kb.offset(w, kb.mul(group, groupBytes)),
                   kb.offset(w, kb.mul(second, groupBytes)), scratch, k});
          forEachTile([&](const Tile &t) {
            kb.call(tile, {t.x, t.prepared, scratch, bias, t.y, t.rows, n, k,
                           ldx, ldy, group, second});
          });
        },
        /*unroll=*/false);
  }

private:
  /// 8 rows of x: activations, what prepareRows wrote, results, rows.
  struct Tile {
    Value x, prepared, y, rows;
  };

  /// Threads share rows where each gets enough of them.
  void shareRows() {
    Value groups = kb.ceilDivU(n, kRows), threads = kb.arg(11);
    auto [from, to] = kb.share(lastTile, kb.arg(10), threads);
    Value areMany = kb.lessEqual(kb.mul(threads, kSharedRows), m);
    first = kb.select(areMany, kb.i64(0), first);
    last = kb.select(areMany, groups, last);
    firstTile = kb.select(areMany, from, firstTile);
    lastTile = kb.select(areMany, to, lastTile);
  }

  void emitPrepareRows() {
    if (func::FuncOp prepare = parts.prepareRows())
      kb.call(prepare, {x, emitPrepared(), m, k});
  }
  Value emitPrepared() {
    return kb.offset(scratch, parts.panelSize().emit(kb, k));
  }

  void forEachTile(llvm::function_ref<void(const Tile &)> body) {
    Value tileBytes = kb.mul(parts.emitRowBytes(kb, k, ldx), kTileRows);
    Value prepared = emitPrepared();
    Value preparedBytes =
        kb.mul(parts.preparedRowSize().emit(kb, k), kTileRows);
    kb.forLoop(
        firstTile, lastTile, kb.i64(1),
        [&](Value index) {
          Value row = kb.mul(index, kTileRows);
          body({kb.offset(x, kb.mul(index, tileBytes)),
                kb.offset(prepared, kb.mul(index, preparedBytes)),
                kb.offset(y, kb.mul(kb.mul(row, ldy), 4)),
                kb.minS(kb.sub(m, row), kb.i64(kTileRows))});
        },
        /*unroll=*/false);
  }
};

} // namespace

llvm::Expected<func::FuncOp>
getLinearKernel(ModuleOp module, const Target &target, const LinearSpec &spec) {
  auto layout = layoutOf(spec);
  if (!layout)
    return layout.takeError();
  std::string symbol = kernelName(spec);
  if (func::FuncOp existing = KernelBuilder::lookup(module, symbol))
    return existing;
  std::unique_ptr<LinearKernelParts> parts =
      makeParts(module, target, spec, **layout);
  MLIRContext *context = module.getContext();
  Type ptr = LLVM::LLVMPointerType::get(context);
  Type i64 = IntegerType::get(context, 64);
  KernelBuilder kb(
      module, target, symbol,
      {ptr, ptr, ptr, ptr, i64, i64, i64, i64, i64, ptr, i64, i64});
  Driver driver(kb, *parts);
  auto upTo = [&](int64_t rows) {
    return kb.lessEqual(driver.m, kb.i64(rows));
  };
  auto choose = [&](Value condition, llvm::function_ref<void()> then,
                    llvm::function_ref<void()> otherwise) {
    auto values = [](llvm::function_ref<void()> body) {
      return [body] {
        body();
        return KernelBuilder::Values();
      };
    };
    kb.ifElse(condition, {}, values(then), values(otherwise));
  };
  choose(
      upTo(1), [&] { driver.emitRowTiles(1, 1); },
      [&] {
        choose(
            upTo(2), [&] { driver.emitRowTiles(2, kTileRows); },
            [&] {
              choose(
                  upTo(4), [&] { driver.emitRowTiles(4, kTileRows); },
                  [&] {
                    choose(
                        upTo(kFewRows),
                        [&] { driver.emitRowTiles(kTileRows, kTileRows); },
                        [&] { driver.emitPanels(); });
                  });
            });
      });
  func::FuncOp kernel = kb.finish();
  if (!parts->canMap())
    return createStringError("its results cannot be mapped");
  return kernel;
}

/// The parts of a kernel that asks for nothing but sizes; null if there is no
/// such kernel.
static std::unique_ptr<LinearKernelParts> sizesOf(const Target &target,
                                                  const LinearSpec &spec) {
  auto layout = layoutOf(spec);
  if (layout)
    return makeParts(/*module=*/nullptr, target, spec, **layout);
  llvm::consumeError(layout.takeError());
  return nullptr;
}

int64_t linearScratchBytesPerRow(const Target &target, const LinearSpec &spec,
                                 int64_t k) {
  auto parts = sizesOf(target, spec);
  return parts ? parts->preparedRowSize().of(k) : 0;
}

int64_t linearScratchBytes(const Target &target, const LinearSpec &spec,
                           int64_t m, int64_t k) {
  auto parts = sizesOf(target, spec);
  return parts ? parts->panelSize().of(k) + llvm::alignTo(m, kTileRows) *
                                                parts->preparedRowSize().of(k)
               : 0;
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

Activations activationsOf(StringRef format) {
  return llvm::StringSwitch<Activations>(format)
      .Case("a8_b32", Activations::A8B32)
      .Case("bf16", Activations::BF16)
      .Default(Activations::F32);
}

BytesPerInputs activationRow(const Target &target, Activations activations) {
  switch (activations) {
  case Activations::F32:
    return {1, sizeof(float)};
  case Activations::A8B32:
    // Codes, scales of 32 and sums of 16 of them.
    return {64, 64 + 2 * sizeof(float) + 4 * sizeof(int32_t)};
  case Activations::BF16:
    return {2, 2 * target.bf16Bytes()};
  }
  llvm_unreachable("every kind of activations has a size");
}

int64_t activationBytesPerRow(const Target &target, Activations activations,
                              int64_t k) {
  return activationRow(target, activations).of(k);
}

void emitRecodeRow(KernelBuilder &kb, Activations activations, Value x,
                   Value buffer, Value row, Value rows, Value k) {
  switch (activations) {
  case Activations::F32:
    llvm_unreachable("f32 rows are used as they are");
  case Activations::A8B32:
    return emitQuantizeRow(kb, x, buffer, row, rows, k);
  case Activations::BF16:
    return emitRoundRow(kb, x, buffer, row, k);
  }
  llvm_unreachable("every kind of activations can be written");
}

func::FuncOp getRecodeRowKernel(ModuleOp module, const Target &target,
                                Activations activations) {
  std::string symbol = ("winnow_recode_row_" + nameOf(activations)).str();
  if (func::FuncOp existing = KernelBuilder::lookup(module, symbol))
    return existing;
  MLIRContext *context = module.getContext();
  Type ptr = LLVM::LLVMPointerType::get(context);
  Type i64 = IntegerType::get(context, 64);
  KernelBuilder kb(module, target, symbol, {ptr, ptr, i64, i64, i64});
  emitRecodeRow(kb, activations, kb.arg(0), kb.arg(1), kb.arg(2), kb.arg(3),
                kb.arg(4));
  return kb.finish();
}

} // namespace winnow::cpu
