//===- Types.td - Types of the winnow dialect --------------*- tablegen -*-===//

#ifndef WINNOW_TYPES
#define WINNOW_TYPES

include "mlir/IR/AttrTypeBase.td"
include "winnow/Dialect.td"

class Winnow_Type<string name, string typeMnemonic>
    : TypeDef<Winnow_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def Winnow_KvCacheType : Winnow_Type<"KvCache", "kv_cache"> {
  let summary = "The keys and values that one attention layer has stored";
  let description = [{
    #### Semantics

    A cache of one layer and one sequence: an ordered list of *slots*. Slot j
    holds a key (heads × key_dim), a value (heads × value_dim), the position
    and the segment of the token that wrote it. The length is the number of
    slots written, at most `capacity`. Length and positions belong to this
    cache alone: layers may store different tokens.

    A value of this type is a state: every op that changes a cache consumes one
    value and produces the next; each value has at most one consuming user.

    #### Numerics

    Keys and values are stored as f32.

    #### Corner cases

    A new cache has length 0. A large capacity costs address space and no memory
    until slots are written.

    #### Inputs

    None.

    #### Attributes

    - A1 `heads`: key heads.
    - A2 `key_dim`, `value_dim`: channels of a key and of a value.
    - A3 `key`, `value`: how numbers are stored.
    - A4 `capacity`: slots at most.

    #### Results

    None.

    #### Constraints

    - C1 heads, key_dim and value_dim are positive.
    - C2 capacity is a positive multiple of 16.
    - C3 key and value are f32: the only storage that kernels have so far.
    - C4 All slots together have fewer than 2^63 bytes.

    #### Invariants

    - V1 Slots below the length never change.

    #### Example

    ```mlir
    func.func private @kv_cache(
        !winnow.kv_cache<heads = 1, key_dim = 256, value_dim = 256, key = f32, value = f32, capacity = 8192>)
    ```
  }];
  let parameters = (ins "int64_t":$heads, "int64_t":$keyDim,
                        "int64_t":$valueDim, "::mlir::Type":$keyType,
                        "::mlir::Type":$valueType, "int64_t":$capacity);
  let assemblyFormat = [{
    `<` `heads` `=` $heads `,` `key_dim` `=` $keyDim `,` `value_dim` `=`
    $valueDim `,` `key` `=` $keyType `,` `value` `=` $valueType `,`
    `capacity` `=` $capacity `>`
  }];
  let genVerifyDecl = 1;
}

#endif // WINNOW_TYPES
