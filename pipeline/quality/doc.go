// Package quality measures pictures that the pipeline made: their structural similarity to the photo (SSIM), and from the
// style network's features the distance to the style and how much of the photo's structure is left.
//
// It computes on pixels and numbers that the caller has: it reads no files, runs no network and imports nothing else of Gesso.
package quality
