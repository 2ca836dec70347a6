/** Metrics and health over HTTP, read-only. */
@NullMarked
package dev.headwater.http;

import org.jspecify.annotations.NullMarked;
