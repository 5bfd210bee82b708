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
    A cache of one layer and one sequence: an ordered list of *slots*. Slot j
    holds a key (heads × key_dim), a value (heads × value_dim), the position
    and the segment of the token that wrote it. The length is the number of
    slots written, at most `capacity`. Length and positions belong to this
    cache alone: layers may store different tokens.

    A value of this type is a state: every op that changes a cache consumes one
    value and produces the next; each value has at most one consuming user.

    ```mlir
    !winnow.kv_cache<heads = 1, key_dim = 256, value_dim = 256, key = f32, value = f32, capacity = 8192>
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
