package dev.headwater.schema;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Float32 tensors as safetensors, the format of huggingface/safetensors (README, "Format"): an
 * unsigned 64-bit little-endian header length, a JSON header, then the tensors' bytes without a
 * gap.
 *
 * <p>Reading takes no byte on trust: whatever is not exactly such a file of F32 tensors is refused,
 * nothing is allocated that the input does not pay for, and no other exception leaves it. NaN and
 * infinity are legal here, for they are legal float32: whether a head may serve is decided where it
 * is installed.
 */
public final class Safetensors {
  /** The limit of the reference implementation. */
  private static final int MAX_HEADER_BYTES = 100_000_000;

  private static final int ALIGNMENT = 8;

  /** What a file holds; both maps in the order of its header. */
  public record Contents(Map<String, Tensor> tensors, Map<String, String> metadata) {}

  private Safetensors() {}

  /**
   * Writes tensors sorted by name, so that equal contents give equal bytes.
   *
   * @throws IllegalArgumentException where the file would pass 2 GiB or a name cannot be written
   */
  public static byte[] write(Map<String, Tensor> tensors, Map<String, String> metadata) {
    Map<String, Tensor> sorted = new TreeMap<>(tensors);
    byte[] header = header(sorted, metadata);
    int padded = (header.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    long size = sorted.values().stream().mapToLong(Safetensors::bytes).sum() + Long.BYTES + padded;
    if (size > Integer.MAX_VALUE || padded > MAX_HEADER_BYTES) {
      throw new IllegalArgumentException(size + " bytes do not fit one safetensors array");
    }
    ByteBuffer file = ByteBuffer.allocate((int) size).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(padded).put(header);
    while (file.position() < Long.BYTES + padded) {
      file.put((byte) ' ');
    }
    for (Tensor tensor : sorted.values()) {
      file.asFloatBuffer().put(tensor.values());
      file.position(file.position() + (int) bytes(tensor));
    }
    return file.array();
  }

  /**
   * Reads what {@link #write} or any other safetensors writer wrote.
   *
   * @throws RefusedHeadException naming what is wrong, for any input that is not such a file
   */
  public static Contents read(byte[] bytes) throws RefusedHeadException {
    int headerLength = headerLength(bytes);
    SafetensorsHeader header = SafetensorsHeader.parse(headerText(bytes, headerLength));
    ByteBuffer data =
        ByteBuffer.wrap(bytes, Long.BYTES + headerLength, bytes.length - Long.BYTES - headerLength)
            .slice()
            .order(ByteOrder.LITTLE_ENDIAN);
    checkLayout(header.entries(), data.capacity());
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    header.entries().forEach((name, entry) -> tensors.put(name, tensor(entry, data)));
    return new Contents(tensors, header.metadata());
  }

  private static byte[] header(Map<String, Tensor> tensors, Map<String, String> metadata) {
    ObjectNode root = Json.MAPPER.createObjectNode();
    if (!metadata.isEmpty()) {
      ObjectNode node = root.putObject(SafetensorsHeader.METADATA);
      new TreeMap<>(metadata).forEach(node::put);
    }
    long offset = 0;
    for (Map.Entry<String, Tensor> tensor : tensors.entrySet()) {
      if (tensor.getKey().equals(SafetensorsHeader.METADATA)) {
        throw new IllegalArgumentException("no tensor may be called " + tensor.getKey());
      }
      ObjectNode node = root.putObject(tensor.getKey()).put("dtype", "F32");
      Arrays.stream(tensor.getValue().shape()).forEach(node.putArray("shape")::add);
      node.putArray("data_offsets").add(offset).add(offset += bytes(tensor.getValue()));
    }
    return utf8(root.toString());
  }

  /** Strictly: half a surrogate pair has no UTF-8, and no reader would take what stands for it. */
  private static byte[] utf8(String header) {
    try {
      ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(header));
      byte[] bytes = new byte[encoded.remaining()];
      encoded.get(bytes);
      return bytes;
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException("a tensor name or metadata value is not text", e);
    }
  }

  private static long bytes(Tensor tensor) {
    return (long) tensor.values().length * Float.BYTES;
  }

  private static int headerLength(byte[] bytes) throws RefusedHeadException {
    if (bytes.length < Long.BYTES) {
      throw new RefusedHeadException(
          "The safetensors file is cut off: " + bytes.length + " bytes hold no header length.");
    }
    long length = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    int most = Math.min(MAX_HEADER_BYTES, bytes.length - Long.BYTES);
    if (length < 0 || length > most) {
      throw new RefusedHeadException(
          "The safetensors header claims %s bytes where at most %d can follow."
              .formatted(Long.toUnsignedString(length), most));
    }
    return (int) length;
  }

  private static String headerText(byte[] bytes, int length) throws RefusedHeadException {
    try {
      // A decoder of our own: Jackson would guess UTF-16 or UTF-32 from the first bytes.
      String text =
          StandardCharsets.UTF_8
              .newDecoder()
              .decode(ByteBuffer.wrap(bytes, Long.BYTES, length))
              .toString();
      if (!text.startsWith("{")) {
        throw new RefusedHeadException("The safetensors header does not begin with a brace.");
      }
      return text;
    } catch (CharacterCodingException e) {
      throw new RefusedHeadException(
          "The safetensors header is not UTF-8: " + e.getMessage() + ".");
    }
  }

  /** Tensors must fill the data exactly: in offset order each begins where the last one ended. */
  private static void checkLayout(Map<String, SafetensorsHeader.Entry> entries, int dataBytes)
      throws RefusedHeadException {
    List<Map.Entry<String, SafetensorsHeader.Entry>> inOrder =
        entries.entrySet().stream()
            .sorted(
                Comparator.comparingLong(
                        (Map.Entry<String, SafetensorsHeader.Entry> e) -> e.getValue().begin())
                    .thenComparingLong(e -> e.getValue().end()))
            .toList();
    long end = 0;
    for (Map.Entry<String, SafetensorsHeader.Entry> named : inOrder) {
      SafetensorsHeader.Entry entry = named.getValue();
      if (entry.begin() != end || entry.end() < end || entry.end() > dataBytes) {
        throw new RefusedHeadException(
            "Safetensors tensor '%s' claims bytes %d to %d, but must begin at %d and end by %d."
                .formatted(named.getKey(), entry.begin(), entry.end(), end, dataBytes));
      }
      checkSize(named.getKey(), entry);
      end = entry.end();
    }
    if (end != dataBytes) {
      throw new RefusedHeadException(
          "The safetensors file has " + (dataBytes - end) + " bytes that belong to no tensor.");
    }
  }

  private static void checkSize(String name, SafetensorsHeader.Entry entry)
      throws RefusedHeadException {
    long size = Float.BYTES;
    try {
      for (long dimension : entry.shape()) {
        size = Math.multiplyExact(size, dimension);
      }
    } catch (ArithmeticException e) {
      throw new RefusedHeadException(
          "The shape of safetensors tensor '" + name + "' is larger than any file.");
    }
    if (size != entry.end() - entry.begin()) {
      throw new RefusedHeadException(
          "Safetensors tensor '%s' of shape %s needs %d bytes, its data_offsets span %d."
              .formatted(name, Arrays.toString(entry.shape()), size, entry.end() - entry.begin()));
    }
  }

  private static Tensor tensor(SafetensorsHeader.Entry entry, ByteBuffer data) {
    int length = (int) (entry.end() - entry.begin());
    float[] values = new float[length / Float.BYTES];
    data.slice((int) entry.begin(), length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .asFloatBuffer()
        .get(values);
    return new Tensor(entry.shape(), values);
  }
}
