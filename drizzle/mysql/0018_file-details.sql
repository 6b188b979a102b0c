ALTER TABLE `contact_imports` ADD `format` varchar(32) CHARACTER SET ascii COLLATE ascii_bin;--> statement-breakpoint
ALTER TABLE `contact_imports` ADD `options` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `contact_imports` ADD `preview` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `contact_imports` ADD `warnings` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `media` ADD `details` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;