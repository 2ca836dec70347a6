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
 * Reads and writes float32 tensors as safetensors, the format of huggingface/safetensors (README,
 * "Format"): an unsigned 64-bit little-endian header length, a JSON header, then the tensor data
 * without gaps.
 *
 * <p>The input of {@link #read} is untrusted. Everything but a well-formed file of F32 tensors is
 * rejected, no allocation exceeds the size of the input, and no other exception is thrown. NaN and
 * infinity are accepted, because they are valid float32. Whether a head may serve is decided when
 * it is installed.
 */
public final class Safetensors {
  /** The limit of the reference implementation. */
  private static final int MAX_HEADER_BYTES = 100_000_000;

  private static final int ALIGNMENT = 8;

  /** The content of a file; both maps keep the order of its header. */
  public record Contents(Map<String, Tensor> tensors, Map<String, String> metadata) {}

  private Safetensors() {}

  /**
   * Writes tensors sorted by name, so that equal contents produce equal bytes.
   *
   * @throws IllegalArgumentException if the file would exceed 2 GiB or a name cannot be written
   */
  public static byte[] write(Map<String, Tensor> tensors, Map<String, String> metadata) {
    Map<String, Tensor> sorted = new TreeMap<>(tensors);
    byte[] header = header(sorted, metadata);
    int padded = (header.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    long size = sorted.values().stream().mapToLong(Safetensors::bytes).sum() + Long.BYTES + padded;
    if (size > Integer.MAX_VALUE || padded > MAX_HEADER_BYTES) {
      throw new IllegalArgumentException(
          size + " bytes exceed the maximum size of a safetensors file, 2 GiB");
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
   * Reads a file of {@link #write} or of any other safetensors writer.
   *
   * @throws RejectedHeadException with the reason, if the input is not such a file
   */
  public static Contents read(byte[] bytes) throws RejectedHeadException {
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
        throw new IllegalArgumentException(
            "invalid tensor name " + tensor.getKey() + ": it is reserved");
      }
      ObjectNode node = root.putObject(tensor.getKey()).put("dtype", "F32");
      Arrays.stream(tensor.getValue().shape()).forEach(node.putArray("shape")::add);
      node.putArray("data_offsets").add(offset).add(offset += bytes(tensor.getValue()));
    }
    return utf8(root.toString());
  }

  /** Encodes strictly: a replacement character for an unpaired surrogate would break readers. */
  private static byte[] utf8(String header) {
    try {
      ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(header));
      byte[] bytes = new byte[encoded.remaining()];
      encoded.get(bytes);
      return bytes;
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException("a tensor name or metadata value is not valid Unicode", e);
    }
  }

  private static long bytes(Tensor tensor) {
    return (long) tensor.values().length * Float.BYTES;
  }

  private static int headerLength(byte[] bytes) throws RejectedHeadException {
    if (bytes.length < Long.BYTES) {
      throw new RejectedHeadException(
          "The safetensors file is truncated: %d bytes, expected at least %d."
              .formatted(bytes.length, Long.BYTES));
    }
    long length = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    int most = Math.min(MAX_HEADER_BYTES, bytes.length - Long.BYTES);
    if (length < 0 || length > most) {
      throw new RejectedHeadException(
          "The safetensors header length is %s bytes, expected at most %d."
              .formatted(Long.toUnsignedString(length), most));
    }
    return (int) length;
  }

  private static String headerText(byte[] bytes, int length) throws RejectedHeadException {
    try {
      // decoded here, because Jackson would detect UTF-16 or UTF-32 from the first bytes
      String text =
          StandardCharsets.UTF_8
              .newDecoder()
              .decode(ByteBuffer.wrap(bytes, Long.BYTES, length))
              .toString();
      if (!text.startsWith("{")) {
        throw new RejectedHeadException("The safetensors header does not start with a brace.");
      }
      return text;
    } catch (CharacterCodingException e) {
      throw new RejectedHeadException(
          "The safetensors header is not UTF-8: " + e.getMessage() + ".");
    }
  }

  /** Checks that the tensors fill the data section without gaps and overlaps. */
  private static void checkLayout(Map<String, SafetensorsHeader.Entry> entries, int dataBytes)
      throws RejectedHeadException {
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
        throw new RejectedHeadException(
            "Safetensors tensor '%s' spans bytes %d to %d, expected to start at %d and end by %d."
                .formatted(named.getKey(), entry.begin(), entry.end(), end, dataBytes));
      }
      checkSize(named.getKey(), entry);
      end = entry.end();
    }
    if (end != dataBytes) {
      throw new RejectedHeadException(
          "The safetensors file has " + (dataBytes - end) + " bytes after the last tensor.");
    }
  }

  private static void checkSize(String name, SafetensorsHeader.Entry entry)
      throws RejectedHeadException {
    long size = Float.BYTES;
    try {
      for (long dimension : entry.shape()) {
        size = Math.multiplyExact(size, dimension);
      }
    } catch (ArithmeticException e) {
      throw new RejectedHeadException(
          "The shape of safetensors tensor '" + name + "' exceeds the maximum size.");
    }
    if (size != entry.end() - entry.begin()) {
      throw new RejectedHeadException(
          "Safetensors tensor '%s' of shape %s needs %d bytes, but data_offsets span %d."
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
