package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.stream.LongStream;

/** Converts tensors to arrays and back. {@link Checks} has validated their sizes. */
public final class Numbers {
  private Numbers() {}

  /** Returns the values of a FLOAT, FLOAT16, BFLOAT16 or DOUBLE tensor. */
  public static float[] floats(TensorProto tensor) {
    ByteBuffer raw = raw(tensor);
    boolean packed = tensor.hasRawData();
    DataType type = DataType.forNumber(tensor.getDataType());
    int count =
        packed
            ? raw.remaining() / width(type)
            : switch (type) {
              case FLOAT -> tensor.getFloatDataCount();
              case DOUBLE -> tensor.getDoubleDataCount();
              default -> tensor.getInt32DataCount();
            };
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] =
          switch (type) {
            case FLOAT -> packed ? raw.getFloat() : tensor.getFloatData(i);
            case DOUBLE -> (float) (packed ? raw.getDouble() : tensor.getDoubleData(i));
            case FLOAT16 -> half(packed ? raw.getShort() : tensor.getInt32Data(i));
            case BFLOAT16 ->
                Float.intBitsToFloat((packed ? raw.getShort() : tensor.getInt32Data(i)) << 16);
            default -> throw new IllegalArgumentException(type + " is not a floating-point type");
          };
    }
    return values;
  }

  static long[] longs(TensorProto tensor) {
    if (!tensor.hasRawData()) {
      return tensor.getInt64DataList().stream().mapToLong(Long::longValue).toArray();
    }
    long[] values = new long[tensor.getRawData().size() / Long.BYTES];
    raw(tensor).asLongBuffer().get(values);
    return values;
  }

  /** Returns the values of an integer tensor, or of a BOOL tensor as 0 and 1. */
  public static long[] integers(TensorProto tensor) {
    DataType type = DataType.forNumber(tensor.getDataType());
    if (!tensor.hasRawData()) {
      return switch (type) {
        case INT64 -> longs(tensor);
        case UINT32, UINT64 ->
            tensor.getUint64DataList().stream().mapToLong(Long::longValue).toArray();
        default -> tensor.getInt32DataList().stream().mapToLong(Integer::longValue).toArray();
      };
    }
    ByteBuffer raw = raw(tensor);
    LongStream.Builder values = LongStream.builder();
    while (raw.hasRemaining()) {
      values.add(
          switch (type) {
            case INT64, UINT64 -> raw.getLong();
            case INT32 -> raw.getInt();
            case UINT32 -> Integer.toUnsignedLong(raw.getInt());
            case INT16 -> raw.getShort();
            case UINT16 -> Short.toUnsignedInt(raw.getShort());
            case INT8 -> raw.get();
            case UINT8, BOOL -> Byte.toUnsignedInt(raw.get());
            default -> throw new IllegalArgumentException(type + " is not an integer type");
          });
    }
    return values.build().toArray();
  }

  /** Returns a FLOAT initializer. */
  public static TensorProto tensor(String name, long[] shape, float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(values.length, Float.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    TensorProto.Builder tensor =
        TensorProto.newBuilder().setName(name).setDataType(DataType.FLOAT_VALUE);
    for (long dim : shape) {
      tensor.addDims(dim);
    }
    return tensor.setRawData(ByteString.copyFrom(bytes)).build();
  }

  /** Returns an INT64 or INT32 initializer. */
  public static TensorProto tensor(String name, long[] shape, long[] values, DataType type) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder().setName(name).setDataType(type.getNumber());
    for (long dim : shape) {
      tensor.addDims(dim);
    }
    for (long value : values) {
      if (type == DataType.INT32) {
        tensor.addInt32Data(Math.toIntExact(value));
      } else {
        tensor.addInt64Data(value);
      }
    }
    return tensor.build();
  }

  private static ByteBuffer raw(TensorProto tensor) {
    return tensor.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  private static int width(DataType type) {
    return switch (type) {
      case FLOAT -> Float.BYTES;
      case DOUBLE -> Double.BYTES;
      default -> Short.BYTES;
    };
  }

  /** Converts IEEE 754 binary16; the JDK does this only since 20. */
  private static float half(int bits) {
    int sign = (bits & 0x8000) << 16;
    int exponent = (bits >> 10) & 0x1f;
    int fraction = bits & 0x3ff;
    if (exponent == 0) {
      float tiny = fraction * 0x1p-24f;
      return sign == 0 ? tiny : -tiny;
    }
    int wide = exponent == 0x1f ? 0xff : exponent + 112;
    return Float.intBitsToFloat(sign | wide << 23 | fraction << 13);
  }
}
