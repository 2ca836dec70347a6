package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import org.jspecify.annotations.Nullable;

/** Checks that a stored tensor has as many values as its dimensions require. */
final class Stored {
  private Stored() {}

  /** Returns the problem as the rest of a sentence; {@code null} if the tensor is valid. */
  static @Nullable String flaw(TensorProto tensor) {
    DataType type = DataType.forNumber(tensor.getDataType());
    if (type == null || type == DataType.UNDEFINED) {
      return "has unknown element type " + tensor.getDataType();
    }
    long count = 1;
    for (long dim : tensor.getDimsList()) {
      if (dim < 0) {
        return "has a negative dimension";
      }
      try {
        count = Math.multiplyExact(count, dim);
      } catch (ArithmeticException overflow) {
        return "has dimensions " + tensor.getDimsList() + ", too large for any file";
      }
    }
    boolean raw = tensor.hasRawData();
    long bits = count > Long.MAX_VALUE / 128 ? -1 : count * bits(type);
    long required = raw ? (bits + 7) / 8 : requiredFields(type, count);
    long actual = raw ? tensor.getRawData().size() : storedFields(type, tensor);
    return required == actual && bits >= 0
        ? null
        : "with dimensions %s needs %d %s but has %d"
            .formatted(tensor.getDimsList(), required, raw ? "bytes" : "values", actual);
  }

  private static int bits(DataType type) {
    return switch (type) {
      case INT4, UINT4 -> 4;
      case INT8, UINT8, BOOL, FLOAT8E4M3FN, FLOAT8E4M3FNUZ, FLOAT8E5M2, FLOAT8E5M2FNUZ -> 8;
      case INT16, UINT16, FLOAT16, BFLOAT16 -> 16;
      case FLOAT, INT32, UINT32 -> 32;
      case COMPLEX128 -> 128;
      default -> 64;
    };
  }

  private static long requiredFields(DataType type, long count) {
    return switch (type) {
      case COMPLEX64, COMPLEX128 -> 2 * count;
      case INT4, UINT4 -> (count + 1) / 2;
      default -> count;
    };
  }

  private static long storedFields(DataType type, TensorProto tensor) {
    return switch (type) {
      case FLOAT, COMPLEX64 -> tensor.getFloatDataCount();
      case DOUBLE, COMPLEX128 -> tensor.getDoubleDataCount();
      case INT64 -> tensor.getInt64DataCount();
      case UINT32, UINT64 -> tensor.getUint64DataCount();
      case STRING -> tensor.getStringDataCount();
      default -> tensor.getInt32DataCount();
    };
  }
}
