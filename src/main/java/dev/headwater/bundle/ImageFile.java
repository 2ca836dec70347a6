package dev.headwater.bundle;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import com.twelvemonkeys.imageio.metadata.Directory;
import com.twelvemonkeys.imageio.metadata.Entry;
import com.twelvemonkeys.imageio.metadata.jpeg.JPEG;
import com.twelvemonkeys.imageio.metadata.jpeg.JPEGSegment;
import com.twelvemonkeys.imageio.metadata.jpeg.JPEGSegmentUtil;
import com.twelvemonkeys.imageio.metadata.tiff.TIFF;
import com.twelvemonkeys.imageio.metadata.tiff.TIFFReader;
import com.twelvemonkeys.imageio.stream.ByteArrayImageInputStream;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;

/**
 * A decoded PNG (W3C, third edition) or JPEG file. Truncated, damaged, animated and oversized files
 * are rejected, and so are those with more than 8 bits per channel; by their header if possible.
 *
 * @param orientation EXIF orientation, 1 to 8; 1 is upright
 */
record ImageFile(BufferedImage pixels, int orientation) {
  private static final long PNG = 0x89504E470D0A1A0AL;
  private static final int CHUNK_FRAME = 12;
  private static final int UPRIGHT = 1;
  private static final String ICC = "ICC_PROFILE";

  /** Smallest segment that is inspected, in bytes, marker and length included. */
  private static final int MIN_SEGMENT = 16;

  /** Offset of the number of components in a frame, from its marker. */
  private static final int COMPONENTS = 9;

  private static final int CMYK_COMPONENTS = 4;

  /** EXIF, and SOF0 to SOF15 without the table and extension markers in the same range. */
  private static final Map<Integer, List<String>> INSPECTED =
      IntStream.concat(IntStream.of(JPEG.APP1), IntStream.rangeClosed(JPEG.SOF0, JPEG.SOF15))
          .filter(marker -> marker != JPEG.DHT && marker != 0xFFC8 && marker != JPEG.DAC)
          .boxed()
          .collect(
              Collectors.toMap(
                  marker -> marker,
                  marker -> marker == JPEG.APP1 ? List.of("Exif") : JPEGSegmentUtil.ALL_IDS));

  /** The limit of JPEG, also applied to PNG, where a longer row could exhaust the memory. */
  private static final int MAX_SIDE = 65_535;

  /** Thrown for an invalid image; the reason follows the field name and omits file content. */
  static final class InvalidImageException extends Exception {
    private static final long serialVersionUID = 1L;

    private final String reason;

    InvalidImageException(String reason) {
      super(reason);
      this.reason = reason;
    }

    String reason() {
      return reason;
    }
  }

  static ImageFile read(byte[] file, long maxPixels) throws InvalidImageException {
    ByteBuffer bytes = ByteBuffer.wrap(file);
    try {
      if (file.length > Long.BYTES && bytes.getLong(0) == PNG) {
        int orientation = pngOrientation(bytes.position(Long.BYTES));
        return new ImageFile(decode("png", file, maxPixels), orientation);
      }
      if (file.length > 2 && file[0] == (byte) 0xFF && file[1] == (byte) 0xD8) {
        int orientation = jpegOrientation(file);
        return new ImageFile(decode("jpeg", withoutProfile(file), maxPixels), orientation);
      }
    } catch (IOException | RuntimeException e) {
      // the decoders throw any of these on malformed bytes; their messages may quote the file
      throw new InvalidImageException("is a damaged image: it cannot be decoded");
    }
    throw new InvalidImageException("is neither PNG nor JPEG");
  }

  private static BufferedImage decode(String format, byte[] file, long maxPixels)
      throws IOException, InvalidImageException {
    ImageReader reader = ImageIO.getImageReadersByFormatName(format).next();
    List<String> damage = new ArrayList<>();
    try (ImageInputStream stream = new ByteArrayImageInputStream(file)) {
      reader.setInput(stream, true, true);
      long pixels = (long) reader.getWidth(0) * reader.getHeight(0);
      if (pixels > maxPixels) {
        throw new InvalidImageException(
            "has " + pixels + " pixels, more than the limit of " + maxPixels);
      }
      int side = Math.max(reader.getWidth(0), reader.getHeight(0));
      if (side > MAX_SIDE) {
        throw new InvalidImageException(
            "has a side of " + side + " pixels, more than the limit of " + MAX_SIDE);
      }
      reader.addIIOReadWarningListener((from, warning) -> damage.add(warning));
      BufferedImage image = reader.read(0);
      // the JPEG decoder only warns and fills missing data with grey
      if (damage.stream().anyMatch(w -> w.contains("remature end") || w.contains("Corrupt"))) {
        throw new InvalidImageException("is a damaged image: its data is truncated or corrupt");
      }
      return image;
    } finally {
      reader.dispose();
    }
  }

  /** Validates the chunks, which Java's decoder does not, and returns the orientation. */
  private static int pngOrientation(ByteBuffer bytes) throws InvalidImageException {
    int orientation = UPRIGHT;
    String type = "";
    while (!type.equals("IEND")) {
      int length = bytes.remaining() < CHUNK_FRAME ? -1 : bytes.getInt();
      if (length < 0 || length > bytes.remaining() - 2 * Integer.BYTES) {
        throw new InvalidImageException("is a damaged image: it is truncated");
      }
      int data = bytes.position() + Integer.BYTES;
      CRC32 crc = new CRC32();
      crc.update(bytes.slice(bytes.position(), Integer.BYTES + length));
      if ((int) crc.getValue() != bytes.getInt(data + length)) {
        throw new InvalidImageException("is a damaged image: checksum mismatch");
      }
      type = new String(bytes.array(), bytes.position(), Integer.BYTES, ISO_8859_1);
      if (type.equals("IHDR") && length > 8 && bytes.get(data + 8) > 8) {
        throw unsupportedDepth(bytes.get(data + 8));
      }
      if (type.equals("acTL")) {
        throw new InvalidImageException("is an animated image, expected a still image");
      }
      if (type.equals("eXIf")) {
        orientation = orientation(bytes.array(), data, length);
      }
      bytes.position(data + length + Integer.BYTES);
    }
    return orientation;
  }

  private static InvalidImageException unsupportedDepth(int bits) {
    return new InvalidImageException("has " + bits + " bits per channel, at most 8 are supported");
  }

  /** Checks the segments before the pixel data and returns the orientation. */
  private static int jpegOrientation(byte[] file) throws IOException, InvalidImageException {
    Integer orientation = null;
    try (ImageInputStream stream = new ByteArrayImageInputStream(file)) {
      for (JPEGSegment segment : JPEGSegmentUtil.readSegments(stream, INSPECTED)) {
        byte[] data = segment.data().readAllBytes();
        if (segment.marker() != JPEG.APP1) {
          if (data[0] > 8) { // a frame's precision (ITU-T T.81, B.2.2)
            throw unsupportedDepth(data[0]);
          }
        } else if (orientation == null) {
          // the TIFF structure begins after the segment's name and one byte of padding
          orientation = orientation(data, 1, data.length - 1);
        }
      }
    }
    return orientation == null ? UPRIGHT : orientation;
  }

  /**
   * Disables the ICC profile. The decoder would convert colours to sRGB by it, while training
   * pipelines use the stored values. A CMYK image keeps its profile, which its conversion needs.
   */
  private static byte[] withoutProfile(byte[] file) {
    byte[] plain = file.clone();
    int at = 2;
    while (at + MIN_SEGMENT <= file.length && file[at] == (byte) 0xFF) {
      int marker = 0xFF00 | file[at + 1] & 0xFF;
      if (marker == JPEG.SOS) {
        break;
      }
      if (marker == 0xFFFF) { // fill byte before a marker
        at++;
        continue;
      }
      if (INSPECTED.containsKey(marker)
          && marker != JPEG.APP1
          && file[at + COMPONENTS] == CMYK_COMPONENTS) {
        return file;
      }
      if (marker == JPEG.APP2 && new String(file, at + 4, ICC.length(), ISO_8859_1).equals(ICC)) {
        plain[at + 4] = 0; // an unknown name, which decoders skip
      }
      at += Short.BYTES + (ByteBuffer.wrap(file).getShort(at + 2) & 0xFFFF);
    }
    return plain;
  }

  private static int orientation(byte[] bytes, int from, int length) {
    try (ImageInputStream stream = new ByteArrayImageInputStream(bytes, from, length)) {
      Directory directory = new TIFFReader().read(stream);
      Entry entry = directory.getEntryById(TIFF.TAG_ORIENTATION);
      int value = entry != null && entry.getValue() instanceof Number n ? n.intValue() : UPRIGHT;
      return value >= UPRIGHT && value <= 8 ? value : UPRIGHT;
    } catch (IOException | RuntimeException e) {
      return UPRIGHT; // unreadable EXIF data is common and does not affect the pixels
    }
  }
}
