"""What a SavedModel would do, read from its file without doing it.

Loading a SavedModel may already run functions that are stored in it, and rendering runs others:
they are programs, and could write files. Those that `pynet_tf.export` writes compute, and do
nothing else.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from pynet_tf.errors import InputError

# What exported networks of all heads and levels consist of, the head `light` of earlier versions
# included.
_OPERATIONS = frozenset((
    "Abs", "AddV2", "All", "Any", "Assert", "AvgPool", "BiasAdd", "BroadcastArgs", "BroadcastTo",
    "Cast", "ConcatV2", "Const", "Conv2D", "Conv2DBackpropInput", "Cumsum", "DepthToSpace",
    "DepthwiseConv2dNative",
    "EnsureShape", "Equal", "Exp", "ExpandDims", "Floor", "FloorDiv", "FloorMod", "GatherV2",
    "Greater", "GreaterEqual", "Identity", "IsFinite", "LeakyRelu", "Less", "Log", "LogicalAnd",
    "LogicalNot", "LogicalOr", "Max", "MaxPool", "MaxPoolV2", "Maximum", "Mean", "Min", "Minimum",
    "MirrorPad", "Mul", "Neg", "NoOp", "OnesLike", "Pack", "PartitionedCall", "Placeholder",
    "Range", "ReadVariableOp", "RealDiv", "Reciprocal", "Relu", "Reshape", "ResizeBilinear",
    "Round", "Rsqrt", "ScaleAndTranslate", "Select", "SelectV2", "Shape", "Size", "Slice",
    "SpaceToDepth", "Split", "SplitV", "Sqrt", "Square", "SquaredDifference", "Squeeze",
    "StatefulPartitionedCall", "StatelessIf", "StatelessWhile", "StopGradient", "StridedSlice",
    "Sub", "Sum", "Tanh", "TensorListConcatV2", "TensorListGather", "TensorListGetItem",
    "TensorListReserve", "TensorListSetItem", "TensorListStack", "Tile", "TopKV2", "Transpose",
    "UnsortedSegmentSum", "ZerosLike",
))  # fmt: skip


def refuse_foreign_operations(path: Path) -> None:
    """Checks that nothing in a SavedModel that could be run does more than compute.

    Args:
        path: of the folder.

    Raises:
        InputError: the file is damaged, or has an operation that no exported network has.
    """
    again = "export it again with pynet_tf.export"
    try:
        stored = SavedModel.FromString((Path(path) / "saved_model.pb").read_bytes())
    except DecodeError as error:
        raise InputError(f"{path} cannot be loaded: saved_model.pb is damaged; {again}") from error
    graphs = stored.meta_graphs
    if len(graphs) != 1 or not graphs[0].HasField("object_graph_def"):
        raise InputError(f"{path} cannot be loaded: it is of another kind of SavedModel; {again}")
    functions = {
        function.signature.name: function for function in graphs[0].graph_def.library.function
    }
    # TensorFlow runs these alone; the rest of the file writes and reads the weights.
    called = graphs[0].object_graph_def.concrete_functions
    operations = {node.op for node in _nodes(called, functions)}
    # By this beginning no function can be taken for an operation.
    own = {name for name in functions if name.startswith("__inference_")}
    foreign = operations - _OPERATIONS - own
    if foreign:
        raise InputError(
            f"{path} is not loaded: it would run {', '.join(sorted(foreign)[:5])}, which no model "
            f"of PyNET does; {again}"
        )


def _nodes(called: Iterable[str], functions: dict[str, FunctionDef]) -> Iterator[NodeDef]:
    """Yields the operations of functions and of all that these call."""
    waiting, seen = list(called), set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in functions:
            continue
        seen.add(name)
        for node in functions[name].node_def:
            yield node
            waiting.append(node.op)
            for value in node.attr.values():
                waiting += [value.func.name, *(function.name for function in value.list.func)]
