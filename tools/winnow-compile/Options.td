//===- Options.td - The options of winnow-compile ----------*- tablegen -*-===//

include "llvm/Option/OptParser.td"

/// --name=value and --name value.
multiclass Value<string name, string metavar, string help> {
  def _EQ : Joined<["--", "-"], name # "=">, MetaVarName<metavar>,
            HelpText<help>;
  def "" : Separate<["--", "-"], name>, Alias<!cast<Joined>(NAME # "_EQ")>;
}

def help : Flag<["--", "-"], "help">, HelpText<"Print this text">;
def version : Flag<["--", "-"], "version">, HelpText<"Print the version">;
def output : JoinedOrSeparate<["-"], "o">, MetaVarName<"NAME">,
             HelpText<"Path of the artifact without extension; with --emit, "
                      "of the file (- is standard output)">;
defm target_cpu : Value<"target-cpu", "CPU",
    "Processor: host (by CPUID; the default), x86-64-v3, x86-64-v4, znver5, "
    "or another that LLVM knows">;
defm context : Value<"context", "N",
    "Tokens that a session can hold (default: the model's own, at most 8192)">;
defm activations : Value<"activations", "MODE",
    "How inputs of linear layers are rounded: auto, to 8 bits where weights "
    "are integers (default), or f32, not at all">;
defm emit : Value<"emit", "KIND",
    "What to write: artifact (NAME.so, .weights, .h, .json, .tokenizer; the "
    "default), static (NAME.a for NAME.so), or one file: mlir (the imported "
    "model), kernels, llvm-dialect, llvm, asm, obj">;
defm threads : Value<"threads", "T",
    "Threads (default: one per processor)">;
def debug : Flag<["-"], "g">,
    HelpText<"Debug information: perf and gdb show lines of NAME.kernels.mlir, "
             "which is written beside the artifact">;
def quiet : Flag<["--", "-"], "quiet">,
    HelpText<"No progress on a terminal">;
