package dev.headwater.bundle;

import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.awt.image.IndexColorModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Base64;
import javax.imageio.ImageIO;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Encodes the class of every pixel as a base64 grey PNG file, and decodes it. Immutable.
 *
 * <p>For palette and colour images it reads the red channel.
 */
public final class Masks {
  /** Largest number of classes: one byte each, and -1 for none. */
  static final int MOST = 127;

  private static final int UNUSED = -1;

  private final int height;
  private final int width;
  private final int[] values;
  private final byte[] classes = new byte[256];

  /**
   * @param values distinct grey values of the classes
   */
  Masks(int height, int width, int[] values) {
    this.height = height;
    this.width = width;
    this.values = values;
    Arrays.fill(classes, (byte) UNUSED);
    for (int c = 0; c < values.length; c++) {
      classes[values[c]] = (byte) c;
    }
  }

  /** Returns grey values spaced evenly over 0 to 255. */
  static int[] evenly(int classes) {
    int[] values = new int[classes];
    for (int c = 1; c < classes; c++) {
      values[c] = Math.round(255f * c / (classes - 1));
    }
    return values;
  }

  public int height() {
    return height;
  }

  public int width() {
    return width;
  }

  /**
   * Encodes a mask.
   *
   * @param pixels the class of each pixel, row by row
   */
  public String encode(byte[] pixels) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_BYTE_GRAY);
    byte[] grey = ((DataBufferByte) image.getRaster().getDataBuffer()).getData();
    for (int i = 0; i < grey.length; i++) {
      grey[i] = (byte) values[pixels[i]];
    }
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    // by default, ImageIO writes through a cache file
    try (ImageOutputStream out = new MemoryCacheImageOutputStream(png)) {
      ImageIO.write(image, "png", out);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // cannot happen in memory
    }
    return Base64.getEncoder().encodeToString(png.toByteArray());
  }

  /**
   * Decodes a mask to the class of each pixel, row by row.
   *
   * @param field field of the mask, for errors
   * @throws InvalidRecordException if it is not an image of this size, or has a grey value that is
   *     not the value of a class
   */
  public byte[] decode(String mask, String field, @Nullable String recordId)
      throws InvalidRecordException {
    try {
      BufferedImage image = pixels(mask);
      if (image.getWidth() != width || image.getHeight() != height) {
        throw new ImageFile.InvalidImageException(
            "is a mask of %d x %d pixels, expected %d x %d"
                .formatted(image.getWidth(), image.getHeight(), width, height));
      }
      int[] grey = grey(image);
      byte[] pixels = new byte[grey.length];
      for (int i = 0; i < grey.length; i++) {
        pixels[i] = classes[grey[i]];
        if (pixels[i] == UNUSED) {
          throw new ImageFile.InvalidImageException(
              "contains the grey value %d, expected one of %s"
                  .formatted(grey[i], Arrays.toString(values)));
        }
      }
      return pixels;
    } catch (ImageFile.InvalidImageException e) {
      throw new InvalidRecordException(field, e.reason(), recordId);
    }
  }

  private BufferedImage pixels(String mask) throws ImageFile.InvalidImageException {
    byte[] file;
    try {
      file = Base64.getDecoder().decode(mask);
    } catch (IllegalArgumentException e) {
      throw new ImageFile.InvalidImageException("is not base64");
    }
    return ImageFile.read(file, Math.max(4096, 4L * width * height)).pixels();
  }

  private static int[] grey(BufferedImage image) {
    int w = image.getWidth();
    int h = image.getHeight();
    if (image.getColorModel() instanceof IndexColorModel) {
      int[] rgb = image.getRGB(0, 0, w, h, null, 0, w);
      return Arrays.stream(rgb).map(pixel -> pixel >> 16 & 0xFF).toArray();
    }
    return image.getRaster().getSamples(0, 0, w, h, 0, new int[w * h]);
  }
}
