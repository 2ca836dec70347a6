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
 * A PNG (W3C, third edition) or JPEG file, decoded. What is cut short, damaged, animated, deeper
 * than 8 bits a channel or larger than allowed is refused, from its header where that tells.
 *
 * @param orientation as EXIF counts it: 1 is upright, 2 to 8 are the other ways to hold a camera
 */
record ImageFile(BufferedImage pixels, int orientation) {
  private static final long PNG = 0x89504E470D0A1A0AL;
  private static final int CHUNK_FRAME = 12;
  private static final int UPRIGHT = 1;
  private static final String ICC = "ICC_PROFILE";

  /** Of what is looked at, marker and length included. */
  private static final int LEAST_SEGMENT = 16;

  /** Where in a frame, from its marker, the number of components is; four are inks. */
  private static final int COMPONENTS = 9;

  private static final int INKS = 4;

  /** EXIF, and SOF0 to SOF15; of the same range are markers of tables and of extensions. */
  private static final Map<Integer, List<String>> TELLING =
      IntStream.concat(IntStream.of(JPEG.APP1), IntStream.rangeClosed(JPEG.SOF0, JPEG.SOF15))
          .filter(marker -> marker != JPEG.DHT && marker != 0xFFC8 && marker != JPEG.DAC)
          .boxed()
          .collect(
              Collectors.toMap(
                  marker -> marker,
                  marker -> marker == JPEG.APP1 ? List.of("Exif") : JPEGSegmentUtil.ALL_IDS));

  /** As of a JPEG; what is made of a line of a longer PNG could take all memory there is. */
  private static final int LONGEST = 65_535;

  /** What is wrong with a file, without its content; reads on after the name of its field. */
  static final class Refused extends Exception {
    private static final long serialVersionUID = 1L;

    private final String reason;

    Refused(String reason) {
      super(reason);
      this.reason = reason;
    }

    String reason() {
      return reason;
    }
  }

  static ImageFile read(byte[] file, long maxPixels) throws Refused {
    ByteBuffer bytes = ByteBuffer.wrap(file);
    try {
      if (file.length > Long.BYTES && bytes.getLong(0) == PNG) {
        int orientation = png(bytes.position(Long.BYTES));
        return new ImageFile(decode("png", file, maxPixels), orientation);
      }
      if (file.length > 2 && file[0] == (byte) 0xFF && file[1] == (byte) 0xD8) {
        int orientation = jpeg(file);
        return new ImageFile(decode("jpeg", withoutProfile(file), maxPixels), orientation);
      }
    } catch (IOException | RuntimeException e) {
      // the decoders meet hostile bytes with any of these; their words may quote the file
      throw new Refused("is a damaged image: its decoder gives up");
    }
    throw new Refused("is neither PNG nor JPEG");
  }

  private static BufferedImage decode(String format, byte[] file, long maxPixels)
      throws IOException, Refused {
    ImageReader reader = ImageIO.getImageReadersByFormatName(format).next();
    List<String> damage = new ArrayList<>();
    try (ImageInputStream stream = new ByteArrayImageInputStream(file)) {
      reader.setInput(stream, true, true);
      long pixels = (long) reader.getWidth(0) * reader.getHeight(0);
      if (pixels > maxPixels) {
        throw new Refused("has " + pixels + " pixels, more than the " + maxPixels + " allowed");
      }
      int side = Math.max(reader.getWidth(0), reader.getHeight(0));
      if (side > LONGEST) {
        throw new Refused("has a side of " + side + " pixels, more than " + LONGEST);
      }
      reader.addIIOReadWarningListener((from, warning) -> damage.add(warning));
      BufferedImage image = reader.read(0);
      // the JPEG decoder fills what is missing with grey, and only warns
      if (damage.stream().anyMatch(w -> w.contains("remature end") || w.contains("Corrupt"))) {
        throw new Refused("is a damaged image: its data end too early or are corrupt");
      }
      return image;
    } finally {
      reader.dispose();
    }
  }

  /** Walks the chunks, which Java's decoder trusts, up to the end; returns the orientation. */
  private static int png(ByteBuffer bytes) throws Refused {
    int orientation = UPRIGHT;
    String type = "";
    while (!type.equals("IEND")) {
      int length = bytes.remaining() < CHUNK_FRAME ? -1 : bytes.getInt();
      if (length < 0 || length > bytes.remaining() - 2 * Integer.BYTES) {
        throw new Refused("is a damaged image: it ends too early");
      }
      int data = bytes.position() + Integer.BYTES;
      CRC32 crc = new CRC32();
      crc.update(bytes.slice(bytes.position(), Integer.BYTES + length));
      if ((int) crc.getValue() != bytes.getInt(data + length)) {
        throw new Refused("is a damaged image: a checksum is wrong");
      }
      type = new String(bytes.array(), bytes.position(), Integer.BYTES, ISO_8859_1);
      if (type.equals("IHDR") && length > 8 && bytes.get(data + 8) > 8) {
        throw tooDeep(bytes.get(data + 8));
      }
      if (type.equals("acTL")) {
        throw new Refused("is animated; a single picture is wanted");
      }
      if (type.equals("eXIf")) {
        orientation = orientation(bytes.array(), data, length);
      }
      bytes.position(data + length + Integer.BYTES);
    }
    return orientation;
  }

  private static Refused tooDeep(int bits) {
    return new Refused("has " + bits + " bits a channel; 8 are supported");
  }

  /** Reads what comes before the pixels, where Java's decoder looks again; the orientation. */
  private static int jpeg(byte[] file) throws IOException, Refused {
    Integer orientation = null;
    try (ImageInputStream stream = new ByteArrayImageInputStream(file)) {
      for (JPEGSegment segment : JPEGSegmentUtil.readSegments(stream, TELLING)) {
        byte[] data = segment.data().readAllBytes();
        if (segment.marker() != JPEG.APP1) {
          if (data[0] > 8) { // a frame's precision (ITU-T T.81, B.2.2)
            throw tooDeep(data[0]);
          }
        } else if (orientation == null) {
          // the TIFF structure begins after the segment's name and one more byte of padding
          orientation = orientation(data, 1, data.length - 1);
        }
      }
    }
    return orientation == null ? UPRIGHT : orientation;
  }

  /**
   * The decoder would turn colours to sRGB by a profile, where training pipelines take them as they
   * are stored. A picture in inks keeps its own: there is no other way from those to colours.
   */
  private static byte[] withoutProfile(byte[] file) {
    byte[] plain = file.clone();
    int at = 2;
    while (at + LEAST_SEGMENT <= file.length && file[at] == (byte) 0xFF) {
      int marker = 0xFF00 | file[at + 1] & 0xFF;
      if (marker == JPEG.SOS) {
        break;
      }
      if (marker == 0xFFFF) { // one more of the bytes that may fill up to a marker
        at++;
        continue;
      }
      if (TELLING.containsKey(marker) && marker != JPEG.APP1 && file[at + COMPONENTS] == INKS) {
        return file;
      }
      if (marker == JPEG.APP2 && new String(file, at + 4, ICC.length(), ISO_8859_1).equals(ICC)) {
        plain[at + 4] = 0; // a name that nobody knows
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
      return UPRIGHT; // unreadable EXIF data are common, and say nothing of the picture
    }
  }
}
