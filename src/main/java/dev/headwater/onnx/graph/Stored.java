package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import org.jspecify.annotations.Nullable;

/** Whether a tensor of the file holds as many numbers as its dimensions promise. */
final class Stored {
  private Stored() {}

  /** What is wrong, as the rest of a sentence; {@code null} if nothing is. */
  static @Nullable String flaw(TensorProto tensor) {
    DataType type = DataType.forNumber(tensor.getDataType());
    if (type == null || type == DataType.UNDEFINED) {
      return "has the unknown element type " + tensor.getDataType();
    }
    long wanted = 1;
    for (long dim : tensor.getDimsList()) {
      if (dim < 0) {
        return "has a negative dimension";
      }
      try {
        wanted = Math.multiplyExact(wanted, dim);
      } catch (ArithmeticException tooLarge) { // no file can hold that many: said as such
        return "has dimensions " + tensor.getDimsList() + ", more than any file holds";
      }
    }
    boolean raw = tensor.hasRawData();
    long bits = wanted > Long.MAX_VALUE / 128 ? -1 : wanted * bits(type);
    long want = raw ? (bits + 7) / 8 : fields(type, wanted);
    long have = raw ? tensor.getRawData().size() : held(type, tensor);
    return want == have && bits >= 0
        ? null
        : "of dimensions %s wants %d %s, but has %d"
            .formatted(tensor.getDimsList(), want, raw ? "bytes" : "numbers", have);
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

  private static long fields(DataType type, long wanted) {
    return switch (type) {
      case COMPLEX64, COMPLEX128 -> 2 * wanted;
      case INT4, UINT4 -> (wanted + 1) / 2;
      default -> wanted;
    };
  }

  private static long held(DataType type, TensorProto tensor) {
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
